"""How the report's template writes values."""

import re

from lmanet.command import printable

KIB = 1024
MOST_IN_A_CELL = 200
MARKS = re.compile(r"([\\`*_|<>\[\]&~])")
STAGE_WORDS = {
    "search": "mini-training",
    "full": "full training",
    "distill": "distillation",
    "deploy": "int8, as deployed",
}
FIRST_MARK = re.compile(r"^(\d{0,9})([#+=.)-])")  # of a heading, a list, a line below a heading


def cell(text: object) -> str:
    """Text from anywhere, a model's too, as the content of one table cell: no markup, at most 200
    characters.
    """
    line = _line(text)
    return MARKS.sub(
        r"\\\1", line if len(line) <= MOST_IN_A_CELL else line[: MOST_IN_A_CELL - 1] + "…"
    )


def prose(text: object) -> str:
    """The same as a paragraph or at its beginning: whole, and no heading or list."""
    return FIRST_MARK.sub(r"\1\\\2", MARKS.sub(r"\\\1", _line(text)))


def sentence(text: object) -> str:
    """The same as a sentence of its own: with a capital and a full stop."""
    line = _line(text)
    whole = line[:1].upper() + line[1:] + ("" if line.endswith((".", "!", "?")) else ".")
    return prose(whole)


def code(text: object) -> str:
    """The same to the letter, as a span that only its own mark could end."""
    return f"`{_line(text).replace('`', chr(0x2019))}`"


def count(number: float | None) -> str:
    """Thousands apart, one place of what is no whole number; nothing for None."""
    if number is None:
        return ""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def kib(number: int) -> str:
    """Bytes in KiB."""
    return f"{number / KIB:,.1f}"


def millions(number: int) -> str:
    """Of anything."""
    return f"{number / 1e6:,.2f}"


def percent(share: float | None) -> str:
    """Of 1; nothing for None."""
    return "" if share is None else f"{100 * share:.1f} %"


def span(ends: tuple[float, float]) -> str:
    """From the lowest to the highest."""
    return " to ".join(f"{end:,.3g}" for end in ends)


def stage(name: str) -> str:
    """A stage in words; another name as it is."""
    return STAGE_WORDS.get(name, name)


def wilson(share: float, images: int) -> tuple[float, float]:
    """95 % interval of a share by Wilson's formula: the chance of which images were drawn."""
    from scipy.stats import binomtest  # takes half a second to import

    found = binomtest(round(share * images), images).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def interval(found: tuple[float, int]) -> str:
    """95 % interval of a share of so many images."""
    low, high = wilson(*found)
    return f"{percent(low)} to {percent(high)}"


def _line(text: object) -> str:
    """Nothing in it moves a terminal's cursor or turns the direction of writing."""
    return printable(" ".join(str(text).split()))


FILTERS = {
    function.__name__: function
    for function in (
        cell,
        prose,
        sentence,
        code,
        printable,
        count,
        kib,
        millions,
        percent,
        span,
        stage,
        interval,
    )
}
