"""Space: which networks of stages may be proposed; it draws, changes and checks them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.network.architecture import (
    MAX_STAGES,
    Architecture,
    Channels,
    Padding,
    Resolution,
    Width,
    explain_validation,
    join_faults,
    parse_architecture,
)
from lmanet.network.candidate import Candidate
from lmanet.network.operators import Shape
from lmanet.space.describe import Form, outside
from lmanet.space.forms import staged
from lmanet.space.protocol import Outline, SearchSpace, Value
from lmanet.space.stages import flat, text
from lmanet.space.stages.edited import Edit, Edited
from lmanet.space.stages.part import (
    Part,
    draw_part,
    fill_part,
    others,
    part_changes,
    part_neighbours,
    part_violations,
    pick,
)

NumStages = Annotated[int, Field(ge=1, le=MAX_STAGES)]
HERE = Path(__file__).parent
DENSE = {"conv", "fused"}  # blocks of ordinary convolutions


class Space(SearchSpace):
    """For every field of an `Architecture` the values that may be chosen.

    A field with one legal value need not be written in a proposal: `parse` fills it in.

    Attributes:
        resolution: heights of the input, pixels.
        input_channels: of the input.
        aspect: height and width of the data, which every input has the aspect of; None is square.
    """

    candidate_type = Architecture
    small_change = "channels, kernel, stride or layers of a stage"
    is_closed = True

    resolution: Annotated[tuple[Resolution, ...], Field(min_length=1)]
    input_channels: Channels = 3
    aspect: tuple[Resolution, Width] | None = None
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

    def reading(self, shape: Shape, resizable: bool) -> "Space":
        channels, height, width = shape
        changed = {
            "input_channels": channels,
            "aspect": None if height == width else (height, width),
            "resolution": self.resolution if resizable and min(height, width) > 1 else (height,),
        }
        try:
            fields = {name: getattr(self, name) for name in type(self).model_fields}
            return type(self).model_validate({**fields, **changed})
        except ValidationError as error:
            raise ConfigError(
                f"space {self.name} has no network that reads {channels} x {height} x {width} "
                f"values: {explain_validation(error)}; take shorter windows (conf/data)"
            ) from error

    def input_of(self, resolution: int) -> dict[str, Any]:
        """The fields of an input of this height."""
        height, width = self.aspect or (1, 1)
        wide = max(1, (2 * resolution * width + height) // (2 * height))
        return {
            "resolution": resolution,
            "input_channels": self.input_channels,
            "width": None if wide == resolution else wide,
        }

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

    def violations(self, candidate: Candidate) -> list[str]:
        if not isinstance(candidate, Architecture):
            return [f"{candidate.kind}, not {Architecture.kind}"]
        architecture = candidate
        reasons = [
            outside(name, getattr(architecture, name), values)
            for name, values in self.fields.items()
            if getattr(architecture, name) not in values
        ]
        reasons += [
            f"{name}: {getattr(architecture, name)}, and the data ask for {value}"
            for name, value in self.input_of(architecture.resolution).items()
            if getattr(architecture, name) != value
        ]
        if len(architecture.stages) not in self.num_stages:
            reasons.append(
                f"stages: {len(architecture.stages)} of them, legal numbers are "
                f"{', '.join(map(str, self.num_stages))}"
            )
        for name, spec in (("stem", self.stem), ("head", self.head)):
            reasons.extend(part_violations(name, getattr(architecture, name), spec))
        for number, stage in enumerate(architecture.stages, start=1):
            reasons.extend(part_violations(f"stage {number}", stage, self.stage))
        return reasons

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw every field uniformly and independently."""
        parts = {
            name: None if spec.optional and rng.random() < 0.5 else draw_part(name, spec, rng)
            for name, spec in self.parts.items()
        }
        stages = tuple(
            draw_part("stage", self.stage, rng) for _ in range(pick(self.num_stages, rng))
        )
        whole = {name: pick(values, rng) for name, values in self.fields.items()}
        whole |= self.input_of(whole["resolution"])
        return Architecture.model_validate({**whole, **parts, "stages": stages})

    def neighbours(self, candidate: Candidate) -> Iterator[Architecture]:
        """Change one field, drop or double one stage, or add or drop an optional part."""
        return (edit() for edit in self._edits(staged(candidate)))

    def around(self, candidate: Candidate) -> Sequence[Candidate]:
        return Edited([*self._edits(staged(candidate))])

    def _edits(self, architecture: Architecture) -> Iterator[Edit]:
        stages, copied = architecture.stages, architecture.model_copy
        for name, values in self.fields.items():
            for value in others(values, getattr(architecture, name)):
                update = self.input_of(int(value)) if name == "resolution" else {name: value}
                yield partial(copied, update=update)
        for name, spec in self.parts.items():
            for part in part_neighbours(name, getattr(architecture, name), spec):
                yield partial(copied, update={name: part})
        for i, stage in enumerate(stages):
            for change in part_changes(stage, self.stage):
                yield partial(_with_stage, architecture, i, change)
            if len(stages) + 1 in self.num_stages:
                yield partial(copied, update={"stages": (*stages[:i], stage, *stages[i:])})
            if len(stages) - 1 in self.num_stages:
                yield partial(copied, update={"stages": (*stages[:i], *stages[i + 1 :])})

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """Such as ``resolution``, ``num_stages``, ``stem.present``, ``stage3.kernel``."""
        return flat.choices(self)

    def flatten(self, candidate: Candidate) -> dict[str, Value]:
        return flat.flatten(self, staged(candidate))

    def unflatten(self, values: Mapping[str, Value]) -> Architecture:
        """The inverse of `flatten`; values of choices that are not active are ignored.

        Raises:
            ArchitectureError: an active choice is missing or has a value outside the space.
        """
        return flat.unflatten(self, values)

    def json_schema(self, form: Form = "lines") -> dict[str, Any]:
        return text.json_schema(self, form)

    def describe(self, form: Form = "lines") -> str:
        return text.describe(self, form)

    def write_proposal(self, candidate: Candidate, form: Form = "lines") -> str:
        return text.write_proposal(self, staged(candidate), form)

    def change_text(self, before: Candidate, after: Candidate) -> str:
        """``stage3.channels=64, stage1.kernel=5``, or ``double stage 2`` and ``drop stage 2``, as
        `neighbours` does.
        """
        return text.change_of_stages(staged(before), staged(after)) or super().change_text(
            before, after
        )

    @property
    def design(self) -> str:
        return (HERE / "design.txt").read_text(encoding="utf-8")

    @property
    def guidance(self) -> str:
        dense = DENSE & set(self.stage.fields.get("block", ()))
        files = ("guidance.txt", *(["guidance_dense.txt"] if dense else []))
        return "\n".join((HERE / name).read_text(encoding="utf-8").strip() for name in files)

    @property
    def image_sizes(self) -> tuple[tuple[int, int], ...]:
        return tuple((size, self.input_of(size)["width"] or size) for size in self.resolution)

    @property
    def channels(self) -> int:
        return self.input_channels

    @property
    def outline(self) -> Outline:
        most = max(self.num_stages)
        stages = tuple(f"stage{number}" for number in range(1, most + 1))
        stem, head = (("stem",) if self.stem else ()), (("head",) if self.head else ())
        return Outline(most, (*stem, *stages, *head, "classifier"), self.stage.fields)

    def coverage(self) -> list[tuple[str, tuple[Value, ...]]]:
        """Of all stages together."""
        return list(flat.coverage(self))

    def covered(self, candidate: Candidate) -> list[tuple[str, object]]:
        return list(flat.covered(staged(candidate)))

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
        if type(resolution := filled.get("resolution")) is int:
            filled = {**self.input_of(resolution), **filled}
        faults: list[str] = []
        for name, spec in self.parts.items():
            filled[name] = fill_part(name, filled.get(name, {}), spec, faults)
        if isinstance(stages := filled.get("stages"), list):
            filled["stages"] = [
                fill_part(f"stage {i}", stage, self.stage, faults)
                for i, stage in enumerate(stages, start=1)
            ]
        if faults:
            raise ArchitectureError(f"not an architecture: {join_faults(faults)}")
        return filled


def _with_stage(
    architecture: Architecture, place: int, change: Mapping[str, Value]
) -> Architecture:
    stages = [*architecture.stages]
    stages[place] = stages[place].model_copy(update=change)
    return architecture.model_copy(update={"stages": tuple(stages)})
