"""CellSpace: the space of NAS-Bench-201, 5 operations on each of 6 edges; it draws, changes and
checks cells.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from lmanet.errors import ArchitectureError
from lmanet.network.architecture import quoted
from lmanet.space.cells.cell import EDGES, OPERATIONS, Cell, Operation
from lmanet.space.forms import AnyArchitecture
from lmanet.space.stages.space import Space, Value

# Short names for a language model: with one key an edge a cell takes at most 40 tokens.
SHORT: dict[Operation, str] = {
    "none": "none",
    "skip_connect": "skip",
    "nor_conv_1x1": "conv1",
    "nor_conv_3x3": "conv3",
    "avg_pool_3x3": "pool3",
}
LONG = {short: operation for operation, short in SHORT.items()}
KEYS = tuple(f"{start}{end}" for start, end in EDGES)
CHOICES = tuple(f"edge{key}" for key in KEYS)


class CellSpace(BaseModel):
    """All 15,625 cells; a proposal is one JSON object from edge to operation, ``{"01": "conv3",
    "02": "skip", ...}``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "nasbench201"

    @property
    def size(self) -> int:
        """Number of cells; some compute the same function."""
        return int(len(OPERATIONS) ** len(EDGES))

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys of which a JSON object that is meant as a proposal has at least one."""
        return (*KEYS, "operations")

    def parse(self, data: object) -> Cell:
        """Decoded JSON of a proposal -> cell; operations by their short or their long names, also
        as the fields of a `Cell`.

        Raises:
            ArchitectureError: with every edge that is missing, unknown, or has another operation.
        """
        if not isinstance(data, dict):
            raise ArchitectureError(
                f"not a cell: {quoted(data)} is no JSON object with the keys {', '.join(KEYS)}"
            )
        operations = data.get("operations")
        if (
            set(data) == {"operations"}
            and isinstance(operations, list | tuple)
            and len(operations) == len(KEYS)
        ):
            data = dict(zip(KEYS, operations, strict=True))
        faults = [f"{key} missing" for key in KEYS if key not in data]
        faults += [
            f"{quoted(key, 20)} is no edge, legal are {', '.join(KEYS)}"
            for key in data
            if key not in KEYS
        ]
        faults += [
            f"{key}={quoted(data[key], 40)}, legal values are {', '.join(LONG)}"
            for key in KEYS
            if key in data and _long(data[key]) is None
        ]
        if faults:
            raise ArchitectureError(f"not a cell: {'; '.join(faults[:6])}")
        return Cell.model_validate({"operations": [_long(data[key]) for key in KEYS]})

    def write(self, architecture: AnyArchitecture) -> dict[str, str]:
        """The proposal of a cell: the inverse of `parse`."""
        return dict(
            zip(
                KEYS,
                (SHORT[operation] for operation in self._cell(architecture).operations),
                strict=True,
            )
        )

    def contains(self, architecture: AnyArchitecture) -> bool:
        """Whether it is a cell; every cell belongs to the space."""
        return isinstance(architecture, Cell)

    def violations(self, architecture: AnyArchitecture) -> list[str]:
        """One clause where it is no cell."""
        return [] if self.contains(architecture) else ["a network of stages, not a cell"]

    def sample(self, rng: np.random.Generator) -> Cell:
        """Draw every operation uniformly and independently."""
        return Cell(
            operations=tuple(
                OPERATIONS[int(i)] for i in rng.integers(len(OPERATIONS), size=len(EDGES))
            )
        )

    def mutate(self, architecture: AnyArchitecture, rng: np.random.Generator) -> Cell:
        """Another operation on one edge."""
        neighbours = list(self.neighbours(architecture))
        return neighbours[int(rng.integers(len(neighbours)))]

    def neighbours(self, architecture: AnyArchitecture) -> Iterator[Cell]:
        """The 24 cells that differ in one edge."""
        operations = self._cell(architecture).operations
        for i, given in enumerate(operations):
            for other in OPERATIONS:
                if other != given:
                    yield Cell(operations=(*operations[:i], other, *operations[i + 1 :]))

    def words(self) -> dict[str, tuple[str, ...]]:
        """Key -> the words that a proposal may have there."""
        return dict.fromkeys(KEYS, tuple(LONG))

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """Name -> legal values of every choice, as classical searchers see the space: ``edge01`` to
        ``edge23``.
        """
        return dict.fromkeys(CHOICES, OPERATIONS)

    def flatten(self, architecture: AnyArchitecture) -> dict[str, Value]:
        """The cell's value of every choice."""
        return dict(zip(CHOICES, self._cell(architecture).operations, strict=True))

    def unflatten(self, values: Mapping[str, Value]) -> Cell:
        """The inverse of `flatten`.

        Raises:
            ArchitectureError: a choice is missing, unknown or has another value.
        """
        return self.parse({name.removeprefix("edge"): value for name, value in values.items()})

    def _cell(self, architecture: AnyArchitecture) -> Cell:
        if not isinstance(architecture, Cell):
            raise ArchitectureError(
                f"outside the space {self.name}: {self.violations(architecture)[0]}"
            )
        return architecture


AnySpace = Space | CellSpace


def _long(name: object) -> str | None:
    """The operation meant by a short or a long name; None where there is none."""
    if not isinstance(name, str):
        return None
    return LONG.get(name) or (name if name in OPERATIONS else None)
