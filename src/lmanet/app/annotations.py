"""What a constructor says of its arguments: whether a value fits, and what is legal, in words."""

import inspect
import json
import pkgutil
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    PydanticSchemaGenerationError,
    TypeAdapter,
    ValidationError,
)

from lmanet.errors import ConfigError

TARGET = "_target_"
NAMED = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
}
STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value of a configuration is of an annotation's type: nothing is turned into another
    type to make it fit.
    """
    if annotation is inspect.Parameter.empty or isinstance(annotation, str) or holds_target(value):
        return True  # nothing is known, or another constructor's product stands there
    if get_origin(annotation) in (Union, types.UnionType):
        return any(fits(value, each) for each in get_args(annotation))
    # typing.is_protocol is there from Python 3.13 on
    if is_dataclass(annotation) or getattr(annotation, "_is_protocol", False):
        return False  # only a constructor makes one
    try:
        TypeAdapter(annotation, config=None if _is_model(annotation) else STRICT).validate_json(
            json.dumps(value), strict=True
        )
    except ValidationError:
        return False
    except PydanticSchemaGenerationError:
        return True
    return True


def words(annotation: Any) -> str:
    """An annotation in words: ``a whole number, or null``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return ", or ".join(dict.fromkeys(words(each) for each in inner))
    if origin is Annotated:
        return bounded(inner[0], [bound for field in inner[1:] for bound in field.metadata])
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (list, tuple, Sequence, Collection) and inner:
        return f"a list, each {words(inner[0])}"
    if origin in (dict, Mapping):
        return "a mapping {key: value}"
    return NAMED.get(annotation, f"a {getattr(annotation, '__name__', annotation)}")


def bounded(annotation: Any, metadata: Sequence[Any]) -> str:
    """An annotation with its bounds in words: ``a whole number at least 1``."""
    bounds = {"ge": "at least", "gt": "above", "lt": "below", "le": "at most"}
    limits = [
        f"{word} {getattr(each, name)}"
        for each in metadata
        for name, word in bounds.items()
        if hasattr(each, name)
    ]
    kind, _, rest = words(annotation).partition(", or ")
    return ", ".join([" ".join([kind, *limits[:1]]), *limits[1:]]) + (
        f", or {rest}" if rest else ""
    )


def legal_keys(node: Mapping[str, Any]) -> set[str] | None:
    """What the constructor of a node takes; None where it takes any."""
    parameters = inspect.signature(_target(str(node[TARGET]))).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return {each.name for each in parameters}


def annotations_of(name: str) -> dict[str, Any]:
    """Argument of a constructor, by its import path -> annotation."""
    target = _target(name)
    try:
        parameters = inspect.signature(target, eval_str=True).parameters
    except (NameError, TypeError):  # a name that is imported for type checkers alone
        parameters = inspect.signature(target).parameters
    return {name: each.annotation for name, each in parameters.items()}


def _target(name: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{TARGET}: {name} cannot be imported ({error}); correct it in conf/"
        ) from error


def holds_target(value: Any) -> bool:
    """Whether a class is named in it."""
    if isinstance(value, dict):
        return TARGET in value or any(map(holds_target, value.values()))
    return isinstance(value, list) and any(map(holds_target, value))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
