"""What a model wrote is text in both forms of the report, wherever it is shown: no markup, no
script, no broken table.
"""

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from pydantic import ValidationError

from lmanet.base import Record
from lmanet.explain import Report
from lmanet.run.folder import Lines, One, RunFolder

SCRIPT = "</script><script>window.wasRun=true</script>"
MARKUP = (
    f"# {SCRIPT} <b onclick=x>| [[table:front]] | ![p](../../etc/passwd.png) [l](javascript:x) `c` "
    "**b**\n\n[[explorer]]"
)
WHERE = (
    "name",
    "text",
    "fault",
    "note",
    "error",
    "rules' name",
    "rules' note",
    "rules' fault",
    "class",
    "overrides",
)


def planted(place: str) -> str:
    """Told apart by the place that it was planted in, at its beginning, since cells are cut."""
    return f"# {place}: {MARKUP}"


def edit_lines(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        change(record)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def plant_in_trial(trial: dict[str, Any]) -> None:
    proposal = trial["proposal"]
    proposal |= {"proposer": planted("name"), "note": planted("note")}
    if trial["error"]:
        trial["error"] = planted("error")
    if rationale := proposal["rationale"]:
        rationale |= {"text": planted("text"), "faults": [planted("fault")]}


@pytest.fixture(scope="module")
def hostile(write_run, setting, tmp_path_factory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("hostile"), 20)
    edit_lines(folder / "history.jsonl", plant_in_trial)
    edit(
        folder / "front.json",
        lambda front: [plant_in_trial(trial) for trial in front["trials"]] and None,
    )
    edit(
        folder / "rules.json",
        lambda rules: rules.update(
            proposer=planted("rules' name"),
            note=planted("rules' note"),
            faults=[planted("rules' fault")],
        ),
    )
    edit(
        folder / "examination.json", lambda found: found["classes"].__setitem__(0, planted("class"))
    )
    (folder / ".hydra" / "overrides.yaml").write_text(
        json.dumps([planted("overrides") + "\n```\n# out"])
    )
    Report(setting).run(RunFolder(folder))
    return folder


def texts(markdown: str) -> Iterator[str]:
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown):
        assert token.type != "html_block"
        if token.type == "code_block":
            yield token.content
        for child in token.children or ():
            assert child.type in (
                "text",
                "text_special",
                "code_inline",
                "strong_open",
                "strong_close",
                "image",
                "softbreak",
            ), child
            if child.type == "image":
                assert str(child.attrs["src"]).startswith(("plots/", "examination/"))
        yield "".join(child.content for child in token.children or ())


def test_in_markdown_it_is_text_and_breaks_no_table(hostile):
    markdown = (hostile / "report.md").read_text()
    found = list(texts(markdown))
    for place in WHERE:
        assert any(f"# {place}: # {SCRIPT}" in text for text in found), place
    headings = [line for line in markdown.splitlines() if line.startswith("#")]
    assert not any(place in heading for heading in headings for place in ("wasRun", "# out"))


class Page(HTMLParser):
    """What a browser would make of a page: its attributes, and the text that its reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []
        self.within = ""
        self.shown = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        self.within = tag

    def handle_data(self, data: str) -> None:
        if self.within not in ("script", "style"):
            self.shown += data


def test_in_the_page_it_is_text_and_makes_no_element(hostile):
    text = (hostile / "report.html").read_text()
    page = Page()
    page.feed(text)
    for place in WHERE:
        assert f"# {place}: # {SCRIPT}" in page.shown, place
    assert SCRIPT not in text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    sources = [str(value) for name, value in page.attributes if name in ("href", "src")]
    assert all(source.startswith(("#", "data:")) for source in sources), sources


def test_a_placeholder_that_a_model_wrote_is_none(hostile):
    page = (hostile / "report.html").read_text()
    assert page.count('id="explorer"') == 1 and page.count('data-name="front"') == 1


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each text of a record stands."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, each in items:
        if isinstance(each, dict | list):
            yield from leaves(each, (*path, key))
        elif isinstance(each, str):
            yield (*path, key)


def plant_everywhere(record: dict[str, Any], kind: type[Record]) -> None:
    """In every text that may be any text."""
    for *above, last in leaves(record):
        node = record
        for key in above:
            node = node[key]
        before, node[last] = node[last], planted(str(last))
        try:
            kind.model_validate_json(json.dumps(record))
        except ValidationError:
            node[last] = before


@pytest.fixture(scope="module")
def all_hostile(write_run, setting, tmp_path_factory) -> Path:
    """A run in whose records every text is an attack that may be one."""
    folder = RunFolder(write_run(tmp_path_factory.mktemp("all_hostile"), 12))
    for each in vars(folder).values():
        if isinstance(each, Lines) and each.path.exists():
            edit_lines(each.path, lambda record, kind=each.kind: plant_everywhere(record, kind))
        elif isinstance(each, One) and each.path.exists():
            edit(each.path, lambda record, kind=each.kind: plant_everywhere(record, kind))
    edit(folder.path / "settings.json", lambda found: found.update(data_checksum=planted("sum")))
    overrides = [planted("overrides").replace("\n", "\r")]
    (folder.path / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
    Report(setting).run(folder)
    return folder.path


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # labels of a thousand letters
def test_no_text_of_any_record_is_markup(all_hostile):
    markdown = (all_hostile / "report.md").read_text()
    found = "\n".join(texts(markdown))
    for place in ("toolchain", "commit", "sum", "overrides", "checkpoint"):
        assert (f"# {place}: " in found) == (place != "checkpoint"), place
    headings = [line for line in re.split(r"[\r\n]", markdown) if line.startswith("#")]
    assert not any("wasRun" in heading for heading in headings)
    page = Page()
    page.feed((all_hostile / "report.html").read_text())
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    sources = [str(value) for name, value in page.attributes if name in ("href", "src")]
    assert all(source.startswith(("#", "data:")) for source in sources), sources
