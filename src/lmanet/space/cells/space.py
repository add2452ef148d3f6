"""CellSpace: the space of NAS-Bench-201, 5 operations on each of 6 edges; it draws, changes and
checks cells.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from lmanet.errors import ArchitectureError
from lmanet.network.architecture import quoted
from lmanet.network.candidate import Candidate
from lmanet.space.cells.cell import EDGES, OPERATIONS, Cell, Operation
from lmanet.space.describe import Form, alternatives, object_schema
from lmanet.space.protocol import SearchSpace, Value

HERE = Path(__file__).parent
# Short names for a language model: with one key an edge a cell takes at most 40 tokens.
SHORT: dict[Operation, str] = {
    "none": "none",
    "skip_connect": "skip",
    "nor_conv_1x1": "conv1",
    "nor_conv_3x3": "conv3",
    "avg_pool_3x3": "pool3",
}
LONG = {short: operation for operation, short in SHORT.items()}
OTHERS = {each: tuple(other for other in OPERATIONS if other != each) for each in OPERATIONS}
WORDS = tuple(LONG)  # in a proposal
KEYS = tuple(f"{start}{end}" for start, end in EDGES)
CHOICES = tuple(f"edge{key}" for key in KEYS)


class CellSpace(SearchSpace):
    """All 15,625 cells, of which some compute the same function.

    A proposal is one JSON object from edge to operation, ``{"01": "conv3", "02": "skip", ...}``.
    """

    candidate_type = Cell
    small_change = "the operation of an edge"
    is_closed = True

    name: str = "nasbench201"

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

    def sample(self, rng: np.random.Generator) -> Cell:
        """Draw every operation uniformly and independently."""
        drawn = rng.integers(len(OPERATIONS), size=len(EDGES))
        return _cell(tuple(OPERATIONS[int(i)] for i in drawn))

    def neighbours(self, candidate: Candidate) -> Iterator[Cell]:
        yield from _around(self._operations(candidate))

    def mutate(self, candidate: Candidate, rng: np.random.Generator) -> Cell:
        """As in any space, by the same draws; the neighbours are looked up."""
        if type(self) is not CellSpace:  # a subclass may not hold all neighbours
            return cast(Cell, super().mutate(candidate, rng))
        around = _around(self._operations(candidate))
        return around[int(rng.integers(len(around)))]

    def violations(self, candidate: Candidate) -> list[str]:
        if isinstance(candidate, Cell):  # each cell is one of the space, or could not be made
            return []
        return super().violations(candidate)

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """The operations of ``edge01`` to ``edge23``, by their long names."""
        return dict.fromkeys(CHOICES, OPERATIONS)

    def flatten(self, candidate: Candidate) -> dict[str, Value]:
        return dict(zip(CHOICES, self._operations(candidate), strict=True))

    def unflatten(self, values: Mapping[str, Value]) -> Cell:
        return self.parse({name.removeprefix("edge"): value for name, value in values.items()})

    def json_schema(self, form: Form = "lines") -> dict[str, Any]:
        return object_schema({key: {"enum": list(WORDS)} for key in KEYS})

    def describe(self, form: Form = "lines") -> str:
        return "\n".join(f"{key}: {alternatives(WORDS)}" for key in KEYS)

    def write_choices(self, candidate: Candidate) -> dict[str, Value]:
        """By the short names of edges and operations, as in a proposal."""
        return dict(zip(KEYS, (SHORT[each] for each in self._operations(candidate)), strict=True))

    @property
    def design(self) -> str:
        return (HERE / "design.txt").read_text(encoding="utf-8")

    @property
    def guidance(self) -> str:
        return (HERE / "guidance.txt").read_text(encoding="utf-8").strip()

    def coverage(self) -> list[tuple[str, tuple[Value, ...]]]:
        return [(key, WORDS) for key in KEYS]

    def _operations(self, candidate: Candidate) -> tuple[Operation, ...]:
        self.require_kind(candidate)
        assert isinstance(candidate, Cell)
        return candidate.operations


@cache
def _around(operations: tuple[Operation, ...]) -> tuple[Cell, ...]:
    """All neighbours, edge by edge. Where few are untried, a round draws often from the same."""
    return tuple(
        _cell((*operations[:edge], other, *operations[edge + 1 :]))
        for edge, before in enumerate(operations)
        for other in OTHERS[before]
    )


@cache
def _cell(operations: tuple[Operation, ...]) -> Cell:
    """Made once: where few untried cells are left, a round asks for hundreds."""
    return Cell(operations=operations)


def _long(name: object) -> str | None:
    """The operation meant by a short or a long name; None where there is none."""
    if not isinstance(name, str):
        return None
    return LONG.get(name) or (name if name in OPERATIONS else None)
