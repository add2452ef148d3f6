"""A table of the report: raw values and how each column is written, for a terminal, a page and a CSV file alike."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

# count: whole numbers, thousands apart; share: of 1, shown in per cent; kib: bytes, shown in KiB; millions: shown in millions; the others
# as they are, numbers to one, two or four decimals.
Form = Literal["text", "code", "count", "share", "kib", "millions", "decimal1", "decimal2", "decimal4"]
Value = str | int | float | bool | None


class Column(NamedTuple):
    """One column.

    Attributes:
        key: its name in a CSV file, with the unit of the raw value: ``peak_sram_bytes``.
        title: its head, with the unit shown: ``peak SRAM (KiB)``.
    """

    key: str
    title: str
    form: Form = "text"


class Table(NamedTuple):
    """Rows of raw values, one a column; None is nothing.

    Attributes:
        name: unique in a report, and the stem of its CSV file.
        title: what it shows, in a few words.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
