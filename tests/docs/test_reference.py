"""The reference pages name what the code has."""

import re
from pathlib import Path

import pytest

from lmanet.app.settings import STAGES
from lmanet.run import folder
from lmanet.run.quantities import QUANTITIES
from lmanet.run.records import Status

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
FILES = sorted(
    value
    for name, value in vars(folder).items()
    if name.isupper() and isinstance(value, str) and "%" not in value
)


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_a_run_is_explained(file: str) -> None:
    page = (REFERENCE / "run-folder.md").read_text(encoding="utf-8")
    assert re.search(rf"^\|.*`{re.escape(file)}[`/]", page, flags=re.MULTILINE)


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_objective_is_defined(name: str) -> None:
    page = (REFERENCE / "quantities.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| .*`{name}`", page, flags=re.MULTILINE)


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained(status: Status) -> None:
    assert f"| `{status}` |" in (REFERENCE / "words.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_explained(stage: str) -> None:
    assert f"| `{stage}` |" in (REFERENCE / "commands.md").read_text(encoding="utf-8")


def test_the_words_stand_in_order() -> None:
    page = (REFERENCE / "words.md").read_text(encoding="utf-8").partition("## ")[0]
    words = re.findall(r"^\| ([A-Za-z0-9 -]+) \|", page, flags=re.MULTILINE)[1:]
    assert len(words) > 30 and words == sorted(words, key=str.lower)
