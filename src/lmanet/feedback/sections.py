"""Sections of a feedback text, and how many of their lines a token budget holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from lmanet.tokens import count_tokens


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
    lines = sorted(
        (place, section.rank, i)
        for i, section in enumerate(sections)
        for place in range(len(section.lines))
    )
    full: set[int] = set()
    for _, _, i in lines:
        if i in full:
            continue
        kept[i] += 1
        if count_tokens(_render(sections, kept)) > max_tokens:
            kept[i] -= 1
            full.add(i)
    return _render(sections, kept)


def _render(sections: Sequence[Section], kept: Sequence[int]) -> str:
    blocks = [
        "\n".join((section.title, *section.lines[:number]))
        for section, number in zip(sections, kept, strict=True)
        if number
    ]
    left_out = sum(len(section.lines) for section in sections) - sum(kept)
    lines = f"{left_out} line{'s' if left_out > 1 else ''}"
    note = [f"({lines} left out to save room)"] if left_out else []
    return "\n\n".join(blocks + note)
