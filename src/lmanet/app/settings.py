"""What may be set: every value is held against the constructor that reads it, before anything is
built.
"""

import difflib
import inspect
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lmanet.app.annotations import TARGET, annotations_of, bounded, fits, legal_keys, words
from lmanet.errors import ConfigError
from lmanet.run.brief import Budget

OF_HYDRA = (TARGET, "_partial_", "_convert_", "_recursive_", "_args_")
MISSING = "???"
ROOT_FILE = "conf/config.yaml"
# What a setting without a default may look like.
EXAMPLES = {
    "propose.model": (
        "propose.model=meta-llama/Llama-3.1-8B-Instruct, the name under which the server knows "
        "the model"
    ),
    "propose.history": "propose.history=multirun/quickstart/<date>/history.jsonl",
}
# What the app hands to constructors is not offered as a setting.
PARTS = ("brief", "num_classes", "trainer", "limits", "engine")
GROUPS = (
    "space",
    "target",
    "data",
    "propose",
    "validate",
    "promote",
    "train",
    "execute",
    "pareto",
    "feedback",
    "distill",
    "deploy",
    "measure",
    "release",
    "explain",
    "track",
)
READ_BY = {
    "arch": ("train", "evaluate"),
    "checkpoint": ("evaluate",),
    "runs": ("compare",),
    "deploy.network": ("deploy",),
}
Stage = Literal[
    "search",
    "rules",
    "train",
    "teacher",
    "distill",
    "deploy",
    "measure",
    "explain",
    "evaluate",
    "release",
    "report",
    "export",
    "mend",
    "compare",
]
STAGES: tuple[str, ...] = get_args(Stage)


class Root(BaseModel):
    """The settings beside the groups."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str = Field(pattern=r"^[^/\\]+$")
    folder: str
    storage: str | None = None  # runs of earlier versions have none
    seed: int = Field(ge=0, lt=2**31)
    stages: list[Stage]
    beside: list[Literal["rules", "teacher", "explain"]] = []  # as storage
    budget: Budget
    batch: int = Field(ge=1)
    random_start: int = Field(default=0, ge=0)  # as storage
    train_best: int = Field(ge=1)
    plan_minutes: float | None = Field(default=None, gt=0)
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
                raise ConfigError(
                    f"{setting.path}={_shown(setting.value)}: it takes {legal} (conf/{group})"
                )


def refuse_unread(typed: Sequence[str], stages: Collection[str]) -> None:
    """Refuse what was typed for this start and none of its stages reads.

    Raises:
        ConfigError: such a setting would change nothing, and nothing would say so.
    """
    for text in typed:
        name, _, value = text.lstrip("+").partition("=")
        readers = READ_BY.get(name, ())
        if readers and value not in ("", "null") and not set(readers) & set(stages):
            hint = (
                "; deploy takes a network of the run: deploy.network=ID"
                if name == "checkpoint"
                else ""
            )
            read = "reads" if len(readers) == 1 else "read"
            raise ConfigError(
                f"{text}: only {' and '.join(readers)} {read} {name}, not "
                f"stages={list(stages)}{hint} ({ROOT_FILE})"
            )


def refuse_unknown(what: str, given: Collection[str], legal: Collection[str], where: str) -> None:
    """Raises `ConfigError` with the nearest legal names where one that was given is not legal."""
    for name in given:
        if name not in legal:
            raise ConfigError(f"unknown {what} {name}; {nearest(name, legal)} ({where})")


def close(name: str, legal: Collection[str]) -> list[str]:
    """The legal names that look most like one that was given, in whatever case, at most three."""
    lower = {each.lower(): each for each in legal}
    near = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.7)
    return [lower[each] for each in near]


def nearest(name: str, legal: Collection[str]) -> str:
    """In words what may be meant by a name that is not legal: those like it, or else all."""
    shown = sorted(each for each in legal if each.rpartition(".")[2] not in PARTS)
    near = close(name, shown)
    return f"did you mean {' or '.join(near)}?" if near else f"legal are {', '.join(shown)}"


def _settings(path: str, node: Any) -> Iterator[Setting]:
    """Every value below a node that is a constructor's argument; unknown names are refused on the
    way.
    """
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
                "setting",
                [f"{path}.{key}" for key in keys],
                [f"{path}.{key}" for key in legal],
                f"conf/{path.partition('.')[0]}",
            )
        annotations = annotations_of(str(node[TARGET]))
    for key in keys:
        if TARGET in node or node[key] == MISSING:
            yield Setting(f"{path}.{key}", node[key], annotations.get(key, inspect.Parameter.empty))
        yield from _settings(f"{path}.{key}", node[key])


def _root_fault(given: Mapping[str, Any], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = [
        str(part)
        for part in first["loc"]
        if part in given or part in Budget.model_fields or first["type"] == "extra_forbidden"
    ]
    name = ".".join(path)
    if first["type"] == "extra_forbidden":
        return (
            f"unknown setting {name}; "
            f"{nearest(name, [f'budget.{key}' for key in Budget.model_fields])} ({ROOT_FILE})"
        )
    if name == "stages":
        if isinstance(given["stages"], str):
            return (
                f"stages={given['stages']}: it takes a list: stages=[{given['stages']}] "
                f"({ROOT_FILE})"
            )
        unknown = [each for each in given["stages"] if each not in STAGES]
        return f"unknown stage {unknown[0]}; {nearest(str(unknown[0]), STAGES)} ({ROOT_FILE})"
    value: Any = given
    for part in path:
        value = value[part]
    field = (Budget.model_fields if path[0] == "budget" and len(path) > 1 else Root.model_fields)[
        path[-1]
    ]
    legal = bounded(field.annotation, field.metadata)
    return f"{name}={_shown(value)}: it takes {legal} ({ROOT_FILE})"


def _missing(path: str) -> str:
    example = f", for example {EXAMPLES[path]}" if path in EXAMPLES else ""
    return (
        f"{path} is not set, and it has no default; give it on the command line{example} "
        f"(conf/{path.partition('.')[0]})"
    )


def _shown(value: Any) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
