"""Space: which architectures may be proposed; it draws, changes and checks them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lmanet.errors import ArchitectureError
from lmanet.network.architecture import (
    MAX_STAGES,
    Architecture,
    Head,
    Padding,
    Resolution,
    Stage,
    Stem,
    join_faults,
    parse_architecture,
)
from lmanet.space.forms import AnyArchitecture, architecture_id, staged
from lmanet.space.stages import flat, wire

Value = bool | int | float | str
NumStages = Annotated[int, Field(ge=1, le=MAX_STAGES)]
Choices = Annotated[tuple[Value, ...], Field(min_length=1)]
AnyPart = Stem | Stage | Head
PART_TYPES: dict[str, type[AnyPart]] = {"stem": Stem, "stage": Stage, "head": Head}
MUTATION_DRAWS = 1000


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


class Space(BaseModel):
    """For every field of an `Architecture` the values that may be chosen.

    A field with one legal value need not be written in a proposal: `parse` fills it in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    resolution: Annotated[tuple[Resolution, ...], Field(min_length=1)]
    padding: Annotated[tuple[Padding, ...], Field(min_length=1)]
    num_stages: Annotated[tuple[NumStages, ...], Field(min_length=1)]
    stem: Part | None = None
    stage: Part
    head: Part | None = None

    @property
    def size(self) -> int:
        """Number of settings; several may describe one network (see `architecture_id`)."""
        around = prod(part.size for part in self.parts.values())
        stages = sum(int(self.stage.size**number) for number in self.num_stages)
        return len(self.resolution) * len(self.padding) * around * stages

    @cached_property
    def fields(self) -> dict[str, tuple[Value, ...]]:
        """Legal values of the fields that belong to the whole network."""
        return {"resolution": self.resolution, "padding": self.padding}

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The optional parts that the space has: ``stem`` and ``head``."""
        return {name: part for name, part in (("stem", self.stem), ("head", self.head)) if part}

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys of which a JSON object that is meant as a proposal has at least one."""
        return ("stages",)

    def parse(self, data: object) -> Architecture:
        """Decoded JSON of a proposal in either form -> architecture of this space.

        Raises:
            ArchitectureError: with every field that is missing, unknown, malformed or has a value
                outside the space.
        """
        architecture = parse_architecture(self._fill(data))
        if reasons := self.violations(architecture):
            raise ArchitectureError(f"outside the space {self.name}: {join_faults(reasons)}")
        return architecture

    def contains(self, architecture: AnyArchitecture) -> bool:
        """Whether every field has a legal value."""
        return not self.violations(architecture)

    def violations(self, architecture: AnyArchitecture) -> list[str]:
        """One clause for every field that lies outside: where, what was given, what is legal."""
        if not isinstance(architecture, Architecture):
            return ["a cell, not a network of stages"]
        reasons = [
            _outside(name, getattr(architecture, name), values)
            for name, values in self.fields.items()
        ]
        if len(architecture.stages) not in self.num_stages:
            reasons.append(
                f"stages: {len(architecture.stages)} of them, legal numbers are "
                f"{_list(self.num_stages)}"
            )
        for name, spec in (("stem", self.stem), ("head", self.head)):
            reasons.extend(_part_violations(name, getattr(architecture, name), spec))
        for number, stage in enumerate(architecture.stages, start=1):
            reasons.extend(_part_violations(f"stage {number}", stage, self.stage))
        return [reason for reason in reasons if reason]

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw every field uniformly and independently."""
        parts = {
            name: None if spec.optional and rng.random() < 0.5 else _draw(name, spec, rng)
            for name, spec in self.parts.items()
        }
        stages = tuple(_draw("stage", self.stage, rng) for _ in range(_pick(self.num_stages, rng)))
        whole = {name: _pick(values, rng) for name, values in self.fields.items()}
        return Architecture.model_validate({**whole, **parts, "stages": stages})

    def mutate(self, architecture: AnyArchitecture, rng: np.random.Generator) -> Architecture:
        """Change one field, drop or double one stage, or add or drop an optional part; the result
        is another network.

        Raises:
            ArchitectureError: the space holds no other network near this one.
        """
        candidates = [
            neighbour for neighbour in self.neighbours(architecture) if self.contains(neighbour)
        ]
        for _ in range(MUTATION_DRAWS if candidates else 0):
            mutant: Architecture = _pick(candidates, rng)
            if architecture_id(mutant) != architecture_id(architecture):
                return mutant
        raise ArchitectureError(
            f"no other network of the space {self.name} is one change away from "
            f"{architecture_id(architecture)}"
        )

    def neighbours(self, architecture: AnyArchitecture) -> Iterator[Architecture]:
        """Every architecture with one change to a legal value; some may be the same network with
        another description.
        """
        architecture = staged(architecture)
        stages = architecture.stages
        for name, values in self.fields.items():
            for value in _others(values, getattr(architecture, name)):
                yield architecture.model_copy(update={name: value})
        for name, spec in self.parts.items():
            for part in _part_neighbours(name, getattr(architecture, name), spec):
                yield architecture.model_copy(update={name: part})
        for i, stage in enumerate(stages):
            for changed in _part_neighbours("stage", stage, self.stage):
                yield architecture.model_copy(
                    update={"stages": (*stages[:i], changed, *stages[i + 1 :])}
                )
            if len(stages) + 1 in self.num_stages:
                yield architecture.model_copy(update={"stages": (*stages[:i], stage, *stages[i:])})
            if len(stages) - 1 in self.num_stages:
                yield architecture.model_copy(update={"stages": (*stages[:i], *stages[i + 1 :])})

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """Name -> legal values of every choice: ``resolution``, ``num_stages``, ``stem.present``,
        ``stage3.kernel``.
        """
        return flat.choices(self)

    def flatten(self, architecture: AnyArchitecture) -> dict[str, Value]:
        """The values of the choices that are active in the architecture."""
        return flat.flatten(self, architecture)

    def unflatten(self, values: Mapping[str, Value]) -> Architecture:
        """The inverse of `flatten`; values of choices that are not active are ignored.

        Raises:
            ArchitectureError: an active choice is missing or has a value outside the space.
        """
        return flat.unflatten(self, values)

    def _fill(self, data: object) -> object:
        """Write the fields that have one legal value, and refuse to guess
        those that have several.
        """
        if not isinstance(data, dict):
            return data
        missing = [
            name for name, values in self.fields.items() if name not in data and len(values) > 1
        ]
        missing += [name for name, spec in self.parts.items() if name not in data and spec.optional]
        if missing:
            raise ArchitectureError(f"not an architecture: {', '.join(missing)} missing")
        filled: dict[str, Any] = {
            name: values[0] for name, values in self.fields.items() if len(values) == 1
        } | data
        faults: list[str] = []
        for name, spec in self.parts.items():
            filled[name] = _fill_part(name, filled.get(name, {}), spec, faults)
        if isinstance(stages := filled.get("stages"), list):
            filled["stages"] = [
                _fill_part(f"stage {i}", stage, self.stage, faults)
                for i, stage in enumerate(stages, start=1)
            ]
        if faults:
            raise ArchitectureError(f"not an architecture: {join_faults(faults)}")
        return filled


def _fill_part(place: str, data: object, spec: Part, faults: list[str]) -> object:
    if isinstance(data, str):
        data, wrong = wire.read(data, spec.fields)
        faults.extend(f"{place}: {fault}" for fault in wrong)
    return (
        {name: values[0] for name, values in spec.fields.items() if len(values) == 1} | data
        if isinstance(data, dict)
        else data
    )


def _part_violations(name: str, part: AnyPart | None, spec: Part | None) -> list[str]:
    if part is None:
        return [] if spec is None or spec.optional else [f"{name} is missing"]
    if spec is None:
        return [f"{name} is not part of this space"]
    reasons = [
        _outside(f"{name} {field}", getattr(part, field), values)
        for field, values in spec.fields.items()
    ]
    return [reason for reason in reasons if reason]


def _outside(name: str, value: Value, legal: tuple[Value, ...]) -> str:
    return "" if value in legal else f"{name}={value}, legal values are {_list(legal)}"


def _list(values: tuple[Value, ...]) -> str:
    return ", ".join(map(str, values))


def _pick(values: Any, rng: np.random.Generator) -> Any:
    return values[int(rng.integers(len(values)))]


def _draw(name: str, spec: Part, rng: np.random.Generator) -> AnyPart:
    return PART_TYPES[name].model_validate(
        {field: _pick(values, rng) for field, values in spec.fields.items()}
    )


def _others(values: tuple[Value, ...], value: Value) -> list[Value]:
    return [other for other in values if other != value]


def _part_neighbours(name: str, part: AnyPart | None, spec: Part) -> Iterator[AnyPart | None]:
    if part is None:
        yield PART_TYPES[name].model_validate(
            {field: values[len(values) // 2] for field, values in spec.fields.items()}
        )
        return
    for field, values in spec.fields.items():
        for value in _others(values, getattr(part, field)):
            yield part.model_copy(update={field: value})
    if spec.optional:
        yield None
