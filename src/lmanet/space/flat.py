"""A space as flat choices, name -> value, for searchers that know nothing of stages."""

from collections.abc import Mapping
from typing import Any

from lmanet.space.architecture import Architecture
from lmanet.space.space import Space, Value

PRESENT = "present"


def choices(space: Space) -> dict[str, tuple[Value, ...]]:
    """Name, such as ``stage3.kernel`` -> legal values; ``num_stages`` and ``stem.present`` where the space has such a choice."""
    flat: dict[str, tuple[Value, ...]] = dict(space.fields)
    flat["num_stages"] = space.num_stages
    for name, spec in space.parts.items():
        if spec.optional:
            flat[f"{name}.{PRESENT}"] = (False, True)
        flat |= {f"{name}.{field}": values for field, values in spec.fields.items()}
    for number in range(1, max(space.num_stages) + 1):
        flat |= {f"stage{number}.{field}": values for field, values in space.stage.fields.items()}
    return {name: values for name, values in flat.items() if len(values) > 1}


def flatten(space: Space, architecture: Architecture) -> dict[str, Value]:
    """The values of the choices that are active in ``architecture``."""
    flat: dict[str, Value] = {name: getattr(architecture, name) for name in space.fields}
    flat["num_stages"] = len(architecture.stages)
    parts = {name: getattr(architecture, name) for name in space.parts}
    flat |= {f"{name}.{PRESENT}": part is not None for name, part in parts.items()}
    for name, part in {**parts, **{f"stage{i}": stage for i, stage in enumerate(architecture.stages, start=1)}}.items():
        flat |= {f"{name}.{field}": value for field, value in (part or ())}
    return {name: flat[name] for name in choices(space) if name in flat}


def unflatten(space: Space, values: Mapping[str, Value]) -> Architecture:
    """The architecture with these values; those of choices that are not active count for nothing."""

    def part(name: str) -> dict[str, Value] | None:
        spec = space.parts.get(name, space.stage)
        if spec.optional and not values[f"{name}.{PRESENT}"]:
            return None
        return {field: values.get(f"{name}.{field}", legal[0]) for field, legal in spec.fields.items()}

    data: dict[str, Any] = {name: values.get(name, legal[0]) for name, legal in space.fields.items()}
    data |= {name: part(name) for name in space.parts}
    number = int(values.get("num_stages", space.num_stages[0]))
    data["stages"] = [part(f"stage{i}") for i in range(1, number + 1)]
    return Architecture.model_validate(data)
