"""A space of stages as a flat list of choices, for searchers that know only names and values, and
for what was never tried.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lmanet.errors import ArchitectureError
from lmanet.network.architecture import Architecture
from lmanet.space.describe import outside
from lmanet.space.protocol import Value

if TYPE_CHECKING:
    from lmanet.space.stages.part import Part
    from lmanet.space.stages.space import Space

NUM_STAGES = "num_stages"
PRESENT = "present"


def choices(space: "Space") -> dict[str, tuple[Value, ...]]:
    """Name -> legal values of every choice; what has one legal value is none."""
    found = {name: values for name, values in space.fields.items() if len(values) > 1}
    if len(space.num_stages) > 1:
        found[NUM_STAGES] = space.num_stages
    for name, part in space.parts.items():
        if part.optional:
            found[f"{name}.{PRESENT}"] = (False, True)
        found |= _of_part(name, part)
    for number in range(1, max(space.num_stages) + 1):
        found |= _of_part(f"stage{number}", space.stage)
    return found


def flatten(space: "Space", architecture: Architecture) -> dict[str, Value]:
    """The values of the choices that are active: none of a part that is absent, or of a stage
    beyond the last.
    """
    legal = choices(space)
    return {name: value for name, value in _values(space, architecture) if name in legal}


def unflatten(space: "Space", values: Mapping[str, Value]) -> Architecture:
    """The inverse of `flatten`; values of choices that are not active are ignored.

    Raises:
        ArchitectureError: an active choice is missing or has a value outside the space.
    """
    data: dict[str, Any] = {name: values[name] for name in space.fields if name in values}
    for name, part in space.parts.items():
        present = not part.optional or _one_of((False, True), f"{name}.{PRESENT}", values)
        data[name] = _fields(name, part, values) if present else None
    number = int(_one_of(space.num_stages, NUM_STAGES, values))
    data["stages"] = [_fields(f"stage{i}", space.stage, values) for i in range(1, number + 1)]
    return space.parse(data)


def coverage(space: "Space") -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Field -> legal values, the same for all stages."""
    yield from space.fields.items()
    yield "number of stages", space.num_stages
    for name, part in {**space.parts, "stage": space.stage}.items():
        for field, values in part.fields.items():
            yield f"{name} {field}", values


def covered(architecture: Architecture) -> Iterator[tuple[str, object]]:
    """Field and value of all that a network has."""
    yield from {"resolution": architecture.resolution, "padding": architecture.padding}.items()
    yield "number of stages", len(architecture.stages)
    parts = [
        ("stem", architecture.stem),
        ("head", architecture.head),
        *(("stage", stage) for stage in architecture.stages),
    ]
    for name, part in parts:
        if part:
            yield from ((f"{name} {field}", value) for field, value in part)


def _one_of(legal: tuple[Value, ...], name: str, values: Mapping[str, Value]) -> Value:
    """The value of a choice, the first legal one where it is not given."""
    value = values.get(name, legal[0])
    if isinstance(value, str) or value not in legal:
        raise ArchitectureError(f"outside the space: {outside(name, value, legal)}")
    return value


def _of_part(name: str, part: "Part") -> dict[str, tuple[Value, ...]]:
    return {f"{name}.{field}": values for field, values in part.fields.items() if len(values) > 1}


def _values(space: "Space", architecture: Architecture) -> Iterator[tuple[str, Value]]:
    yield from ((name, getattr(architecture, name)) for name in space.fields)
    yield NUM_STAGES, len(architecture.stages)
    for name in space.parts:
        part = getattr(architecture, name)
        yield f"{name}.{PRESENT}", part is not None
        yield from ((f"{name}.{field}", value) for field, value in part or ())
    for number, stage in enumerate(architecture.stages, start=1):
        yield from ((f"stage{number}.{field}", value) for field, value in stage)


def _fields(name: str, part: "Part", values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        field: values[f"{name}.{field}"] for field in part.fields if f"{name}.{field}" in values
    }
