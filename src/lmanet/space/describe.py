"""Words and schemas that all spaces share."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

# How a model writes a network: one short line of words for each stage, or one JSON object. Only
# networks of stages differ in the two.
Form = Literal["lines", "json"]


def short_number(value: float) -> str:
    """Three digits and k, M or G: language models read and write digits one by one."""
    size = abs(value)
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit * 0.9995:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of an object that has all of these and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def assignments(found: Mapping[str, Any]) -> str:
    """``stage3.channels=64, stage1.kernel=5``."""
    return ", ".join(f"{name}={_word(value)}" for name, value in found.items())


def alternatives(values: Iterable[Any]) -> str:
    """``"none" | "skip"``: legal values as JSON writes them."""
    return " | ".join(map(json.dumps, values))


def outside(name: str, value: object, legal: Iterable[Any]) -> str:
    """One clause on a value that is not legal: where, what was given, what is legal."""
    return f"{name}={value}, legal values are {', '.join(map(str, legal))}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
