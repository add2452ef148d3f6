"""A table's raw values as people read them, and as Markdown."""

import pytest
from markdown_it import MarkdownIt

from lmanet.explain.tables.table import Column, Table, shown, to_markdown


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1234567, "count", "1,234,567"),
        (0.4567, "share", "45.7 %"),
        (0.25, "change", "+25.0 %"),
        (-0.0001, "change", "+0.0 %"),
        (-0.082, "points", "-8.2"),
        (1536, "kib", "1.5"),
        (2_757_190, "millions", "2.76"),
        (15.62, "decimal1", "15.6"),
        (0.125, "decimal4", "0.1250"),
        (True, "text", "yes"),
        (False, "text", "no"),
        (None, "count", ""),
        ("stage1.kernel", "code", "stage1.kernel"),
    ],
)
def test_a_value_is_written_as_its_column_says(value, form, text):
    assert shown(value, form) == text


def test_a_row_stays_one_row_whatever_stands_in_it():
    columns = (Column("name", "name"), Column("id", "id", "code"), Column("macs", "MACs", "count"))
    rows = (("a | b\n| c", "x|y", 1000), ("<b>*x*</b> [l](u)", "a`b", None), ("-", "two\nlines", 0))
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .parse(to_markdown(Table("t", "T", columns, rows)))
    )
    cells = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in cells for child in token.children} == {"text"}
    texts = ["".join(child.content for child in token.children) for token in cells]
    assert texts[3:] == [
        "a | b | c",
        "x|y",
        "1,000",
        "<b>*x*</b> [l](u)",
        "a`b",
        "",
        "-",
        "two lines",
        "0",
    ]


def test_numbers_stand_at_the_right_and_code_is_code():
    columns = (Column("id", "id", "code"), Column("macs", "MACs", "count"))
    assert (
        to_markdown(Table("t", "T", columns, [("e98d", 3)]))
        == "| id | MACs |\n|---|---:|\n| `e98d` | 3 |"
    )
