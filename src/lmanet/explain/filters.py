"""How the report's template writes values."""

KIB = 1024


def cell(text: object) -> str:
    """Text from anywhere, a model's too, as the content of one table cell: no markup, at most 200 characters."""
    line = " ".join(str(text).split())
    for mark in "\\`*_|<>[]":
        line = line.replace(mark, f"\\{mark}")
    return line if len(line) <= 200 else line[:199] + "…"


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
    return "" if share is None else f"{share:.1%}"


def span(ends: tuple[float, float]) -> str:
    """From the lowest to the highest."""
    return " to ".join(f"{end:,.3g}" for end in ends)


FILTERS = {function.__name__: function for function in (cell, count, kib, millions, percent, span)}
