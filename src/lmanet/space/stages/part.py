"""Part: the legal values of a stem, a stage or a head; what is drawn, read and changed of one."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lmanet.network.architecture import Head, Stage, Stem
from lmanet.space.describe import outside
from lmanet.space.protocol import Value
from lmanet.space.stages import wire

Choices = Annotated[tuple[Value, ...], Field(min_length=1)]
AnyPart = Stem | Stage | Head
PART_TYPES: dict[str, type[AnyPart]] = {"stem": Stem, "stage": Stage, "head": Head}


class Part(BaseModel):
    """The legal values of each field of a stem, a stage or a head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optional: bool = False
    block: Choices | None = None
    channels: Choices
    kernel: Choices | None = None
    stride: Choices | None = None
    expansion: Choices | None = None
    se_ratio: Choices | None = None
    skip: Choices | None = None
    activation: Choices
    layers: Choices | None = None

    @cached_property
    def fields(self) -> dict[str, tuple[Value, ...]]:
        """Name -> legal values, in the order in which they are written."""
        return {name: values for name, values in self if name != "optional" and values is not None}

    @property
    def size(self) -> int:
        """Number of settings, one more where the part may be absent."""
        return prod(map(len, self.fields.values())) + self.optional


def fill_part(place: str, data: object, spec: Part, faults: list[str]) -> object:
    """A part as it was proposed, in either form, with the fields that have one legal value.

    Args:
        faults: takes one clause for every word that cannot be read.
    """
    if isinstance(data, str):
        data, wrong = wire.read(data, spec.fields)
        faults.extend(f"{place}: {fault}" for fault in wrong)
    return (
        {name: values[0] for name, values in spec.fields.items() if len(values) == 1} | data
        if isinstance(data, dict)
        else data
    )


def part_violations(name: str, part: AnyPart | None, spec: Part | None) -> list[str]:
    """One clause for every field that is not legal."""
    if part is None:
        return [] if spec is None or spec.optional else [f"{name} is missing"]
    if spec is None:
        return [f"{name} is not part of this space"]
    return [
        outside(f"{name} {field}", getattr(part, field), values)
        for field, values in spec.fields.items()
        if getattr(part, field) not in values
    ]


def draw_part(name: str, spec: Part, rng: np.random.Generator) -> AnyPart:
    """Draw every field uniformly."""
    return PART_TYPES[name].model_validate(
        {field: pick(values, rng) for field, values in spec.fields.items()}
    )


def part_neighbours(name: str, part: AnyPart | None, spec: Part) -> Iterator[AnyPart | None]:
    """Every part with one change; None where it may be absent."""
    if part is None:
        yield PART_TYPES[name].model_validate(
            {field: values[len(values) // 2] for field, values in spec.fields.items()}
        )
        return
    for change in part_changes(part, spec):
        yield part.model_copy(update=change)
    if spec.optional:
        yield None


def part_changes(part: AnyPart, spec: Part) -> Iterator[dict[str, Value]]:
    """Every change of one field."""
    for field, values in spec.fields.items():
        for value in others(values, getattr(part, field)):
            yield {field: value}


def pick(values: Sequence[Any], rng: np.random.Generator) -> Any:
    """One of them."""
    return values[int(rng.integers(len(values)))]


def others(values: tuple[Value, ...], value: Value) -> list[Value]:
    """All but one."""
    return [other for other in values if other != value]
