"""The pages that people read, and their text without code."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^ *(?:```|~~~).*?^ *(?:```|~~~) *$", flags=re.DOTALL | re.MULTILINE)
LIST_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) +")


@pytest.fixture(scope="session")
def read() -> Callable[[str], str]:
    """The text of a page, named by its path from the root."""
    return lambda page: (ROOT / page).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def sentences() -> Callable[[str], list[str]]:
    """The sentences of a page; a heading, a table or a block of code is none.

    A piece of code within a sentence counts as one word.
    """
    return _sentences


def _sentences(text: str) -> list[str]:
    paragraphs, current = [], ""
    for line in [*FENCE.sub("\n", text).splitlines(), ""]:
        ends = not line.strip() or line.startswith(("#", "|", "<", ">"))
        if ends or LIST_ITEM.match(line):
            paragraphs.append(current)
            current = ""
        if not ends:
            current += " " + LIST_ITEM.sub("", line).strip()
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in paragraphs)
    words = (re.sub(r"`[^`]*`", "code", each) for each in plain)
    return [part for each in words for part in re.split(r"(?<=[.!?])\s+", each.strip()) if part]
