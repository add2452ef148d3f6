"""The page as text: what is escaped, what placeholders and pictures become, how large it is."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from lmanet.explain.page import render_page

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass
class Parsed(HTMLParser):
    """Elements with their attributes, the text outside scripts, and the scripts by id."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    scripts: dict[str | None, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if self.cdata_elem == "script":
            self.scripts[attributes.get("id")] = self.scripts.get(attributes.get("id"), "") + data
        elif tag != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def parsed(page: str) -> Parsed:
    parser = Parsed()
    parser.feed(page)
    return parser


@pytest.fixture(scope="module")
def page(contents, tmp_path_factory) -> Parsed:
    return parsed(render_page(contents, tmp_path_factory.mktemp("run")))


def with_text(contents, text: str, folder) -> Parsed:
    return parsed(render_page(contents._replace(text=text), folder))


def test_text_of_a_model_makes_no_element(page, planted):
    assert page.text.count(planted) == 1  # in the table; the cards' stands in their JSON
    assert not any(
        attribute.startswith("on") for _, attributes in page.elements for attribute in attributes
    )
    assert not page.all("img")
    assert set(page.scripts) == {None, "figures-data", "cards-data", "plotly-data"}


def test_the_data_of_the_cards_cannot_end_their_script(page, planted):
    cards = page.scripts["cards-data"]
    assert not set("<>&\u2028\u2029") & set(cards)
    first = json.loads(cards)[0]
    assert first["text"] == f"Small & early. {planted}"
    assert [claim["truth"] for claim in first["claims"]] == ["true", "false", "cannot be told"]


def test_line_separators_are_escaped_in_data(contents, tmp_path):
    card = contents.cards[0]._replace(text="a\u2028b")
    page = parsed(render_page(contents._replace(cards=[card]), tmp_path))
    assert (
        "\\u2028" in page.scripts["cards-data"]
        and json.loads(page.scripts["cards-data"])[0]["text"] == "a\u2028b"
    )


def test_placeholders_become_tables_figures_and_the_explorer(page):
    assert [box["data-name"] for box in page.all("div") if "data-name" in box] == ["front", "rules"]
    assert [box["data-figure"] for box in page.all("div") if "data-figure" in box] == [
        "accuracy",
        "bars",
    ]
    # as text above the drawing, not in it
    assert len(page.all("figcaption")) == 2 and "Accuracy <over> time" in page.text
    assert "title" not in json.loads(page.scripts["figures-data"])["accuracy"]["layout"]
    assert [section["id"] for section in page.all("section")] == ["explorer"]


@pytest.mark.parametrize(
    "text",
    [
        "\\[\\[table:front\\]\\]",
        "so [[table:front]] said",
        "`[[table:front]]`",
        "[[table:none]]",
        "    [[table:front]]",
    ],
)
def test_only_a_paragraph_of_exactly_a_known_placeholder_is_one(contents, tmp_path, text):
    page = with_text(contents, text, tmp_path)
    assert "[[table:" in page.text and not page.all("table")


def test_without_networks_there_is_no_explorer(contents, tmp_path):
    page = parsed(render_page(contents._replace(cards=[]), tmp_path))
    assert not page.all("section") and "[[explorer]]" not in page.text


def test_markup_in_markdown_is_text(page):
    assert "<b> <script>window.wasRun = true</script>" in page.text
    assert '<img src=x onerror="window.wasRun = true">' in page.text


def test_headings_have_ids_that_the_contents_name(page):
    ids = [attributes["id"] for tag, attributes in page.elements if tag in ("h2", "h3")]
    assert ids == ["the-front", "the-rest", "rules", "rules-2"]
    assert [link["href"] for link in page.all("a")] == ["#main", *(f"#{name}" for name in ids)]


def test_a_picture_of_the_run_stands_inline(contents, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a b.png").write_bytes(PICTURE)
    (picture,) = with_text(contents, "![a plot](<plots/a b.png>)", tmp_path).all("img")
    assert picture == {
        "src": f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}",
        "alt": "a plot",
    }


@pytest.mark.parametrize(
    "source",
    [
        "../secret.png",
        "/etc/hostname",
        "plots/none.png",
        "notes.txt",
        "link.png",
        "https://example.org/a.png",
        "data:image/png;base64,AA==",
        "a%00.png",
    ],
)
def test_a_picture_from_elsewhere_becomes_its_words(contents, tmp_path, source):
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(PICTURE)
    (folder / "notes.txt").write_text("no picture")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    page = with_text(contents, f"![in words]({source})", folder)
    assert "in words" in page.text and not page.all("img")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_link_that_would_run_is_text(contents, tmp_path, address):
    page = with_text(contents, f"[here]({address})", tmp_path)
    assert all(link["href"].startswith("#") for link in page.all("a"))


def test_cells_carry_raw_values_beside_what_is_shown(page):
    values = [cell.get("data-value") for cell in page.all("td")]
    assert values[:8] == [None, None, "2500000", "-0.25", None, None, "10000000", "0.5"]
    assert [head["data-key"] for head in page.all("th")] == [
        "network",
        "note",
        "macs",
        "change",
        "rule",
    ]
    assert "2.50" in page.text and "-25.0 %" in page.text


def test_plotly_is_packed_with_its_licence_in_sight(contents, tmp_path, page):
    source = render_page(contents, tmp_path)
    assert gzip.decompress(base64.b64decode(page.scripts["plotly-data"])).decode() == get_plotlyjs()
    assert "Licensed under the MIT license" in source
    assert len(source) < 2_500_000


def test_only_the_scripts_of_the_page_may_run(page):
    (policy,) = [
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    allowed = [
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'"
        for s in (page.scripts[None], get_plotlyjs())
    ]
    assert policy.startswith("default-src 'none';")
    assert re.search("script-src (.*)$", policy)[1].split() == allowed


def test_one_run_gives_one_page(contents, tmp_path):
    assert render_page(contents, tmp_path) == render_page(contents, tmp_path)
