"""The table of all language models that were measured, from `docs/llm_results`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "llm_results"
NONE = "No model has been measured yet."


def table(folder: Path = FOLDER) -> str:
    """A section for each file, in the order of the names."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return "\n\n".join(_section(each) for each in found) or NONE


def _section(found: dict[str, Any]) -> str:
    seeds = len(found["seeds"])
    # a model may have several files of one bench
    head = (
        f"### {_plain(found['model'])}, {_plain(found['bench'])}, {int(found['networks'])} networks"
    )
    start = found.get("random_start")  # files of before have none
    about = (
        f"{seeds} seeds of {found['networks']} networks"
        f"{f', the first {int(start)} at random' if start else ''}, {_plain(found['machine'])}, "
        f"{_plain(found['date'])}, lmanet {_plain(found['lmanet'])}."
    )
    return "\n".join([head, "", about, "", *_rows(found)])


def _rows(found: dict[str, Any]) -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import llm_table
    finally:
        sys.path.pop(0)
    told = found.get("feedback")
    plain = {
        **found,
        "ways": {_plain(way): measured for way, measured in found["ways"].items()},
        "left_out": _plain(found.get("left_out", "")),
        "feedback": told and {**told, "way": _plain(told["way"])},
    }
    yield from llm_table.table(plain)
    for sentence in llm_table.answers(plain):
        yield from ("", sentence)


def _plain(text: object) -> str:
    """Text of a file that others send in, without marks of Markdown or HTML."""
    return "".join(each for each in str(text) if each.isalnum() or each in " .,:;+-_()/")[:120]
