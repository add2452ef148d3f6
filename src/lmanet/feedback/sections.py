"""Sections of a feedback text, and how many of their lines a token budget holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from lmanet.tokens import count_tokens

GAP = "\n\n"  # between sections


@dataclass(frozen=True)
class Section:
    """Lines under a title; the first line is the most important.

    Attributes:
        rank: of two lines at the same place in their sections, the lower rank is kept first.
    """

    title: str
    lines: tuple[str, ...]
    rank: int


def fit(sections: Sequence[Section], max_tokens: int) -> str:
    """The sections as text of at most ``max_tokens`` by `count_tokens`. Lines are left out whole,
    and the text says how many.

    Every section gets its first line before any gets its second, so that a long front does not
    crowd out the failures.
    """
    kept = [0] * len(sections)
    tokens = 0
    lines = sorted(
        (place, section.rank, i)
        for i, section in enumerate(sections)
        for place in range(len(section.lines))
    )
    left_out = len(lines)
    full: set[int] = set()
    for place, _, i in lines:
        if i in full:
            continue
        more = _tokens(sections[i], place, is_first=not any(kept))
        if tokens + more + _note_tokens(left_out - 1) > max_tokens:
            full.add(i)
            continue
        kept[i] += 1
        tokens += more
        left_out -= 1
    return _render(sections, kept)


def _tokens(section: Section, place: int, is_first: bool) -> int:
    """That a line adds to a text, by `count_tokens`: it counts lines apart, and a newline as one.

    Args:
        is_first: nothing stands in the text yet.
    """
    if place:
        return 1 + count_tokens(section.lines[place])
    title = count_tokens(section.title) + 1 + count_tokens(section.lines[0])
    return title if is_first else len(GAP) + title


def _note_tokens(left_out: int) -> int:
    return len(GAP) + count_tokens(_note(left_out)) if left_out else 0


def _note(left_out: int) -> str:
    return f"({left_out} line{'s' if left_out > 1 else ''} left out to save room)"


def _render(sections: Sequence[Section], kept: Sequence[int]) -> str:
    blocks = [
        "\n".join((section.title, *section.lines[:number]))
        for section, number in zip(sections, kept, strict=True)
        if number
    ]
    left_out = sum(len(section.lines) for section in sections) - sum(kept)
    return GAP.join([*blocks, *([_note(left_out)] if left_out else [])])
