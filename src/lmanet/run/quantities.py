"""The quantities of a network: name, unit, which way is better, and where the value comes from.

This is the one list. Objectives, limits, prompts, tables, axes, claims and exports read it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from lmanet.errors import ConfigError
from lmanet.network.graph import Operator

Origin = Literal["validation", "formula", "board"]
Scale = tuple[str, float, int]
Graph = tuple[Operator, ...]


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Attributes:
        name: a field of `Score`, `Cost` or `BoardMeasurement`, or the key of `Cost.added`:
            ``peak_sram_bytes``.
        title: what people call it, without a unit: "peak SRAM".
        unit: of the value, in words: "bytes of SRAM for int8 activations".
        direction: which way is better.
        origin: measured on validation images, told by a formula from shapes, or measured on a board
            while the search goes on.
        shown_unit: of the value as tables and axes show it: "KiB"; empty where the title says it.
        divisor: what the value is divided by for that.
        decimals: of the value so shown.
        in_feedback: a model is told it of every network; for those with a field, `Cost.told` says
            so.
        compute: operators -> the value; None where `Score` or `Cost` has a field for it.
    """

    name: str
    title: str
    unit: str
    direction: Literal["max", "min"]
    origin: Origin
    shown_unit: str = ""
    divisor: float = 1
    decimals: int = 0
    in_feedback: bool = False
    compute: Callable[[Graph], float] | None = None

    @property
    def head(self) -> str:
        """Of a column or an axis: "peak SRAM (KiB)"."""
        return f"{self.title} ({self.shown_unit})" if self.shown_unit else self.title

    def of(self, holder: object) -> float | None:
        """The value that a score or a cost holds; None where it knows none."""
        added: Mapping[str, float] = getattr(holder, "added", {})
        own: float | None = getattr(holder, self.name, None)
        return added.get(self.name, own)

    def shown(self, value: float | None) -> str:
        """A value in the unit shown; nothing for None."""
        return "" if value is None else f"{value / self.divisor:,.{self.decimals}f}"


QUANTITIES: dict[str, Quantity] = {}


def register(added: Quantity) -> Quantity:
    """Add a quantity to the list; one of the same name is replaced.

    A package of your own calls this when it is imported, before the first network is estimated.
    """
    QUANTITIES[added.name] = added
    return added


def quantity(name: str) -> Quantity:
    """The quantity of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in QUANTITIES:
        raise ConfigError(f"quantity {name!r} is unknown; legal are {', '.join(QUANTITIES)}")
    return QUANTITIES[name]


def described(name: str) -> Quantity:
    """As `quantity`; one that a search space alone knows is described by its name."""
    words = name.replace("_", " ")
    return QUANTITIES.get(name) or Quantity(name, words, words, "min", "formula", decimals=1)


def names(origin: Origin) -> tuple[str, ...]:
    """Those of one origin, in the order of the list."""
    return tuple(each.name for each in QUANTITIES.values() if each.origin == origin)


def known_of(holder: object) -> list[tuple[Quantity, float]]:
    """Every quantity that a score or a cost knows, with its value."""
    found = ((each, each.of(holder)) for each in QUANTITIES.values())
    return [(each, value) for each, value in found if value is not None]


def computed() -> tuple[Quantity, ...]:
    """Those that bring their own formula."""
    return tuple(each for each in QUANTITIES.values() if each.compute)


def ranking_quantity(objectives: Collection[str]) -> str:
    """By what networks are ranked where one is chosen: accuracy, or balanced accuracy where that
    alone is an objective.
    """
    balanced = BALANCED.name in objectives and ACCURACY.name not in objectives
    return BALANCED.name if balanced else ACCURACY.name


SHARE: Scale = ("%", 0.01, 1)
KIB: Scale = ("KiB", 1024, 1)
ACCURACY = register(
    Quantity("val_accuracy", "validation accuracy", "share", "max", "validation", *SHARE)
)
register(Quantity("val_macro_f1", "validation macro F1", "share", "max", "validation", *SHARE))
BALANCED = register(
    Quantity(
        "val_balanced_accuracy",
        "validation accuracy, balanced",
        "share",
        "max",
        "validation",
        *SHARE,
    )
)
register(
    Quantity("val_calibration_error", "calibration error", "share", "min", "validation", *SHARE)
)
MACS = register(Quantity("macs", "MACs", "multiply-accumulates", "min", "formula", "M", 1e6, 2))
PARAMS = register(Quantity("params", "parameters", "parameters", "min", "formula"))
SRAM = register(
    Quantity(
        "peak_sram_bytes",
        "peak SRAM",
        "bytes of SRAM for int8 activations",
        "min",
        "formula",
        *KIB,
    )
)
FLASH = register(Quantity("flash_bytes", "flash", "bytes of int8 weights", "min", "formula", *KIB))
LATENCY = register(
    Quantity(
        "estimated_latency_ms",
        "latency, estimated",
        "milliseconds for one image, estimated",
        "min",
        "formula",
        "ms",
        decimals=1,
    )
)
ON_BOARD = register(
    Quantity(
        "measured_latency_ms",
        "latency, measured",
        "milliseconds for one image, on a board",
        "min",
        "board",
        "ms",
        decimals=2,
    )
)
