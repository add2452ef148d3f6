"""Text of a model in the report's prose is text, and all of it is there."""

import pytest
from markdown_it import MarkdownIt

from lmanet.explain.facts.filters import cell, prose

HOSTILE = (
    "# heading",
    "- item",
    "1. item",
    "12) item",
    "---",
    "~~~ fence",
    "> quote",
    "    code",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "![x](y.png) and [l](https://example.org)",
    "**bold** _it_ ~~gone~~ `code`",
    "[[table:front]]",
    "\\",
    "one\n\ntwo",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("before", ["", "> "])
def test_what_a_model_wrote_is_one_paragraph_of_text(text, before):
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .parse(before + prose(text))
    )
    assert {token.type for token in tokens} <= {
        "paragraph_open",
        "inline",
        "paragraph_close",
        "blockquote_open",
        "blockquote_close",
    }
    (inline,) = (token for token in tokens if token.type == "inline")
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    assert "".join(child.content for child in inline.children) == " ".join(text.split())


def test_prose_is_whole_and_a_cell_is_short():
    assert prose("x" * 400) == "x" * 400
    assert cell("x" * 400) == "x" * 199 + "…"


def test_nothing_moves_a_terminals_cursor():
    assert cell("red \x1b[31m and \u202eturned") == "red \ufffd\\[31m and \ufffdturned"
