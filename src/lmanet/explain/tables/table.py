"""A table of the report: raw values and how each column is written, for a terminal, a page and a
CSV file alike.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from lmanet.explain.facts.filters import KIB, cell
from lmanet.run.quantities import Quantity

# count: whole numbers, thousands apart; share: of 1, shown in per cent; change: a share with its
# sign; points: a difference of two shares, in points of per cent with its sign; kib: bytes, shown
# in KiB; millions: shown in millions; the others as they are, numbers to so many decimals; code:
# text of our own that a computer reads.
Form = Literal[
    "text",
    "code",
    "count",
    "share",
    "change",
    "points",
    "kib",
    "millions",
    "decimal1",
    "decimal2",
    "decimal4",
]
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

    @property
    def is_number(self) -> bool:
        """Aligned at the right."""
        return self.form not in ("text", "code")


# Of a k-fold validation, beside the accuracy of all folds together.
FOLDS = (
    Column("fold_low", "worst fold", "share"),
    Column("fold_high", "best fold", "share"),
)
# Unit shown -> form; other quantities are shown as they are, to their decimals.
FORMS: Mapping[str, Form] = {"KiB": "kib", "M": "millions", "%": "share"}
DECIMALS: Sequence[Form] = ("count", "decimal1", "decimal2")


def column(shown: Quantity) -> Column:
    """The column of a quantity."""
    form = FORMS.get(shown.shown_unit) or DECIMALS[min(shown.decimals, 2)]
    return Column(shown.name, shown.head, form)


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


def shown(value: Value, form: Form) -> str:
    """A value as people read it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    scale, suffix = {
        "share": (100, " %"),
        "change": (100, " %"),
        "points": (100, ""),
        "kib": (1 / KIB, ""),
        "millions": (1e-6, ""),
    }.get(form, (1, ""))
    decimals = {"count": 0, "decimal2": 2, "millions": 2, "decimal4": 4}.get(form, 1)
    return f"{value * scale:{'+' if form in ('change', 'points') else ''}z,.{decimals}f}{suffix}"


def to_markdown(table: Table) -> str:
    """As a table of Markdown; text of a model in it is no markup."""
    head = "| " + " | ".join(column.title for column in table.columns) + " |"
    rule = "|" + "|".join("---:" if column.is_number else "---" for column in table.columns) + "|"
    rows = [
        "| "
        + " | ".join(
            _cell(value, column.form) for value, column in zip(row, table.columns, strict=True)
        )
        + " |"
        for row in table.rows
    ]
    return "\n".join([head, rule, *rows])


def _cell(value: Value, form: Form) -> str:
    text = shown(value, form)
    return (
        f"`{text}`"
        if form == "code" and text.isprintable() and text and not set(text) & {"`", "|"}
        else cell(text)
    )
