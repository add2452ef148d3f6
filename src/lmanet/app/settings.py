"""What may be set: every value is held against the constructor that reads it, before anything is built."""

import difflib
import inspect
import json
import pkgutil
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from lmanet.brief import Budget
from lmanet.errors import ConfigError

TARGET = "_target_"
OF_HYDRA = (TARGET, "_partial_", "_convert_", "_recursive_", "_args_")
MISSING = "???"
ROOT_FILE = "conf/config.yaml"
# What a setting without a default may look like.
EXAMPLES = {
    "propose.model": "propose.model=meta-llama/Llama-3.1-8B-Instruct, the name under which the server knows the model",
    "propose.history": "propose.history=multirun/quickstart/<date>/history.jsonl",
}
# What the app hands to constructors is not offered as a setting.
PARTS = ("brief", "num_classes", "trainer", "limits")
NAMED = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)

GROUPS = (
    *("space", "target", "data", "propose", "validate", "promote", "train", "execute", "pareto", "feedback"),
    *("distill", "deploy", "release", "explain", "track"),
)
READ_BY = {"arch": ("train", "evaluate"), "checkpoint": ("evaluate",), "runs": ("compare",), "deploy.network": ("deploy",)}
Stage = Literal[
    "search",
    "rules",
    "train",
    "teacher",
    "distill",
    "deploy",
    "explain",
    "evaluate",
    "release",
    "report",
    "export",
    "compare",
]
STAGES: tuple[str, ...] = get_args(Stage)


class Root(BaseModel):
    """The settings beside the groups."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str = Field(pattern=r"^[^/\\]+$")
    folder: str
    seed: int = Field(ge=0, lt=2**31)
    stages: list[Stage]
    budget: Budget
    batch: int = Field(ge=1)
    train_best: int = Field(ge=1)
    arch: str | None
    checkpoint: str | None
    resume: str | None
    runs: str | list[str] | None


ROOT_KEYS = {*Root.model_fields, *GROUPS}


class Setting(NamedTuple):
    """A value and what its constructor says of it."""

    path: str
    value: Any
    annotation: Any


def check_root(config: Mapping[str, Any]) -> None:
    """Check names, types and ranges of what stands beside the groups.

    Raises:
        ConfigError: a setting is unknown or its value not legal.
    """
    refuse_unknown("setting", config, ROOT_KEYS, ROOT_FILE)
    own = {key: value for key, value in config.items() if key not in GROUPS}
    try:
        Root.model_validate_json(json.dumps(own))
    except ValidationError as error:
        raise ConfigError(_root_fault(own, error)) from None


def check_groups(config: Mapping[str, Any], optional: Collection[str] = ()) -> None:
    """Check names and types of all that the groups of ``conf/`` hold.

    Args:
        optional: groups that nothing asks for, whose values may be missing.

    Raises:
        ConfigError: a setting is unknown, missing or of another type than its constructor takes.
    """
    for group in GROUPS:
        for setting in _settings(group, config[group]):
            if setting.value == MISSING:
                if group not in optional:
                    raise ConfigError(_missing(setting.path))
            elif not fits(setting.value, setting.annotation):
                legal = words(setting.annotation)
                raise ConfigError(f"{setting.path}={_shown(setting.value)}: it takes {legal} (conf/{group})")


def refuse_unread(typed: Sequence[str], stages: Collection[str]) -> None:
    """Refuse what was typed for this start and none of its stages reads.

    Raises:
        ConfigError: such a setting would change nothing, and nothing would say so.
    """
    for text in typed:
        name, _, value = text.lstrip("+").partition("=")
        readers = READ_BY.get(name, ())
        if readers and value not in ("", "null") and not set(readers) & set(stages):
            hint = "; deploy takes a network of the run: deploy.network=ID" if name == "checkpoint" else ""
            read = "reads" if len(readers) == 1 else "read"
            raise ConfigError(f"{text}: only {' and '.join(readers)} {read} {name}, not stages={list(stages)}{hint} ({ROOT_FILE})")


def refuse_unknown(what: str, given: Collection[str], legal: Collection[str], where: str) -> None:
    """Raises `ConfigError` with the nearest legal names where one that was given is not legal."""
    for name in given:
        if name not in legal:
            raise ConfigError(f"unknown {what} {name}; {_nearest(name, legal)} ({where})")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value of a configuration is of an annotation's type: nothing is turned into another type to make it fit."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str) or _holds_target(value):
        return True  # nothing is known, or another constructor's product stands there
    try:
        TypeAdapter(annotation, config=None if _is_model(annotation) else STRICT).validate_json(json.dumps(value), strict=True)
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
        return _legal(inner[0], [bound for field in inner[1:] for bound in field.metadata])
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (list, tuple, Sequence, Collection) and inner:
        return f"a list, each {words(inner[0])}"
    if origin in (dict, Mapping):
        return "a mapping {key: value}"
    return NAMED.get(annotation, f"a {getattr(annotation, '__name__', annotation)}")


def legal_keys(node: Mapping[str, Any]) -> set[str] | None:
    """What the constructor of a node takes; None where it takes any."""
    parameters = inspect.signature(_target(str(node[TARGET]))).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return {each.name for each in parameters}


def _settings(path: str, node: Any) -> Iterator[Setting]:
    """Every value below a node that is a constructor's argument; unknown names are refused on the way."""
    if isinstance(node, list):
        for place, each in enumerate(node):
            yield from _settings(f"{path}[{place}]", each)
    if not isinstance(node, dict):
        return
    keys = [key for key in node if key not in OF_HYDRA]
    annotations: dict[str, Any] = {}
    if TARGET in node:
        if (legal := legal_keys(node)) is not None:
            refuse_unknown(
                "setting", [f"{path}.{key}" for key in keys], [f"{path}.{key}" for key in legal], f"conf/{path.partition('.')[0]}"
            )
        annotations = _annotations(_target(str(node[TARGET])))
    for key in keys:
        if TARGET in node or node[key] == MISSING:
            yield Setting(f"{path}.{key}", node[key], annotations.get(key, inspect.Parameter.empty))
        yield from _settings(f"{path}.{key}", node[key])


def _annotations(target: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(target, eval_str=True).parameters
    except (NameError, TypeError):  # a name that is imported for type checkers alone
        parameters = inspect.signature(target).parameters
    return {name: each.annotation for name, each in parameters.items()}


def _target(name: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{TARGET}: {name} cannot be imported ({error}); correct it in conf/") from error


def _holds_target(value: Any) -> bool:
    if isinstance(value, dict):
        return TARGET in value or any(map(_holds_target, value.values()))
    return isinstance(value, list) and any(map(_holds_target, value))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _root_fault(given: Mapping[str, Any], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"] if part in given or part in Budget.model_fields or first["type"] == "extra_forbidden"]
    name = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"unknown setting {name}; {_nearest(name, [f'budget.{key}' for key in Budget.model_fields])} ({ROOT_FILE})"
    if name == "stages":
        if isinstance(given["stages"], str):
            return f"stages={given['stages']}: it takes a list: stages=[{given['stages']}] ({ROOT_FILE})"
        unknown = [each for each in given["stages"] if each not in STAGES]
        return f"unknown stage {unknown[0]}; {_nearest(str(unknown[0]), STAGES)} ({ROOT_FILE})"
    value: Any = given
    for part in path:
        value = value[part]
    field = (Budget.model_fields if path[0] == "budget" and len(path) > 1 else Root.model_fields)[path[-1]]
    return f"{name}={_shown(value)}: it takes {_legal(field.annotation, field.metadata)} ({ROOT_FILE})"


def _legal(annotation: Any, metadata: Sequence[Any]) -> str:
    bounds = {"ge": "at least", "gt": "above", "lt": "below", "le": "at most"}
    limits = [f"{word} {getattr(each, name)}" for each in metadata for name, word in bounds.items() if hasattr(each, name)]
    kind, _, rest = words(annotation).partition(", or ")
    return ", ".join([" ".join([kind, *limits[:1]]), *limits[1:]]) + (f", or {rest}" if rest else "")


def _nearest(name: str, legal: Collection[str]) -> str:
    shown = sorted(each for each in legal if each.rpartition(".")[2] not in PARTS)
    near = difflib.get_close_matches(name, shown, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"legal are {', '.join(shown)}"


def _missing(path: str) -> str:
    example = f", for example {EXAMPLES[path]}" if path in EXAMPLES else ""
    return f"{path} is not set, and it has no default; give it on the command line{example} (conf/{path.partition('.')[0]})"


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
