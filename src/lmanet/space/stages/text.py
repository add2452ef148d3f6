"""A space of stages in words: JSON schema for constrained decoding, text for the prompt, and a
network as a model writes it.

Each in two forms: ``lines``, a string of short words for each stage, or ``json``, an object for
each.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lmanet.network.architecture import Architecture
from lmanet.space.describe import Form, alternatives, object_schema
from lmanet.space.stages import wire
from lmanet.space.stages.part import AnyPart, Part

if TYPE_CHECKING:
    from lmanet.space.stages.space import Space


def json_schema(space: "Space", form: Form = "lines") -> dict[str, Any]:
    """JSON schema of a proposal; fields with one legal value are left out, since `Space.parse`
    fills them.
    """
    schema_of = _line_schema if form == "lines" else _part_schema
    properties: dict[str, Any] = {
        name: {"enum": list(values)} for name, values in space.fields.items() if len(values) > 1
    }
    for name, spec in space.parts.items():
        part = schema_of(spec)
        properties[name] = {"anyOf": [{"type": "null"}, part]} if spec.optional else part
    stages = [
        {"type": "array", "minItems": least, "maxItems": most, "items": schema_of(space.stage)}
        for least, most in _runs(space.num_stages)
    ]
    properties["stages"] = stages[0] if len(stages) == 1 else {"anyOf": stages}
    # The stages come after the stem and before the head, as in the network.
    if "head" in properties:
        properties["head"] = properties.pop("head")
    return object_schema(properties)


def describe(space: "Space", form: Form = "lines") -> str:
    """The space as lines of text: each field with its legal values."""
    lines = [
        f"{name}: {alternatives(values)}"
        for name, values in space.fields.items()
        if len(values) > 1
    ]
    lines += _part_lines("stem", space.stem, form)
    number = " or ".join(
        str(least) if least == most else f"{least} to {most}"
        for least, most in _runs(space.num_stages)
    )
    each = "each a string of these words" if form == "lines" else "each with"
    lines += [f"stages: a list of {number} stages, {each}", *_field_lines(space.stage, form)]
    return "\n".join(lines + _part_lines("head", space.head, form))


def write_proposal(space: "Space", architecture: Architecture, form: Form = "lines") -> str:
    """One line of JSON as a model of this space would write it: the inverse of ``parse``, in the
    order of `json_schema`.
    """
    written = _line if form == "lines" else _written
    data: dict[str, Any] = {
        name: getattr(architecture, name)
        for name, values in space.fields.items()
        if len(values) > 1
    }
    for name, spec in space.parts.items():
        part = getattr(architecture, name)
        data[name] = None if part is None else written(part, spec)
    data["stages"] = [written(stage, space.stage) for stage in architecture.stages]
    if "head" in data:
        data["head"] = data.pop("head")
    return json.dumps(data, separators=(",", ":") if form == "lines" else None)


def change_of_stages(before: Architecture, after: Architecture) -> str:
    """``double stage 2`` or ``drop stage 2``; empty where that is not the difference."""
    fewer, more = sorted((before.stages, after.stages), key=len)
    for place in range(len(more)):
        if (*more[:place], *more[place + 1 :]) == fewer:
            return f"{'double' if more == after.stages else 'drop'} stage {place + 1}"
    return ""


def _line(part: AnyPart, spec: Part) -> str:
    return wire.write(part, spec.fields)


def _written(part: AnyPart, spec: Part) -> dict[str, Any]:
    # The space's own value, so that 0 is not written as 0.0.
    return {
        name: values[values.index(getattr(part, name))]
        for name, values in spec.fields.items()
        if len(values) > 1
    }


def _runs(counts: Iterable[int]) -> list[tuple[int, int]]:
    """Whole numbers as runs without a gap: 3, 4, 5, 7 -> (3, 5), (7, 7)."""
    runs: list[tuple[int, int]] = []
    for count in sorted(set(counts)):
        if runs and runs[-1][1] == count - 1:
            runs[-1] = (runs[-1][0], count)
        else:
            runs.append((count, count))
    return runs


def _line_schema(spec: Part) -> dict[str, Any]:
    return {"type": "string", "pattern": wire.pattern(spec.fields)}


def _part_schema(spec: Part) -> dict[str, Any]:
    return object_schema(
        {name: {"enum": list(values)} for name, values in spec.fields.items() if len(values) > 1}
    )


def _part_lines(name: str, spec: Part | None, form: Form) -> list[str]:
    if spec is None:
        return []
    kind = "a string of these words" if form == "lines" else "an object with"
    return [f"{name}: {'null, or ' if spec.optional else ''}{kind}", *_field_lines(spec, form)]


def _field_lines(spec: Part, form: Form) -> list[str]:
    if form == "lines":
        return [f"  {line}" for line in wire.describe_words(spec.fields)]
    return [
        f"  {name}: {alternatives(values)}"
        for name, values in spec.fields.items()
        if len(values) > 1
    ]
