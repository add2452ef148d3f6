"""Spaces that ship with the package, or stand in a YAML file, with fields replaced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lmanet.errors import ConfigError
from lmanet.network.architecture import explain_validation
from lmanet.space.stages.part import PART_TYPES
from lmanet.space.stages.space import Space


def load_space(name: str, choices: Mapping[str, Any] | None = None) -> Space:
    """Load a space that ships with the package (``lmanet``, ``mcu``) or a YAML file.

    Args:
        name: a shipped name or a path.
        choices: fields to replace, nested as in the file: ``{"resolution": [32], "stage":
            {"kernel": [3]}}``; a part set to None is taken out.

    Raises:
        ConfigError: no such space, an unknown field, or a value that no architecture may have.
    """
    shipped = Path(__file__).parent / "spaces"
    path = Path(name) if Path(name).suffix else shipped / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
        raise ConfigError(
            f"space {name!r} is neither one of {names} nor a file; choose one in conf/space"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"space {name} is not YAML: {str(error).splitlines()[0]}; correct the file, or choose "
            "another in conf/space"
        ) from error
    try:
        space = Space.model_validate(
            _merge(content, choices or {}) if isinstance(content, Mapping) else content
        )
    except ValidationError as error:
        raise ConfigError(
            f"space {name}: {explain_validation(error)}; see {path.name} and conf/space"
        ) from error
    _check_choices(space)
    return space


def _check_choices(space: Space) -> None:
    """Refuse a space whose values no architecture could have, naming the part."""
    if space.stage.optional:
        raise ConfigError(
            f"space {space.name}: a stage cannot be optional; write the legal numbers of stages "
            "into num_stages (conf/space)"
        )
    for name, spec in {"stage": space.stage, **space.parts}.items():
        try:
            smallest = {field: values[0] for field, values in spec.fields.items()}
            for field, values in spec.fields.items():
                for value in values:
                    PART_TYPES[name].model_validate({**smallest, field: value})
        except ValidationError as error:
            raise ConfigError(
                f"space {space.name}, {name}: {explain_validation(error)}; correct it in conf/space"
            ) from error


def _merge(base: Any, changes: Mapping[str, Any]) -> Any:
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if nested else value
    return merged
