"""The base of all records that stand in files, and the one that several of them bear."""

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from lmanet.errors import ConfigError

# Types of settings, whose bounds the app holds values of ``conf/`` against.
AtLeast0 = Annotated[int, Field(ge=0)]
AtLeast1 = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]
Above0 = Annotated[float, Field(gt=0)]
# Settings that came later, each as everything was done before: so what earlier runs did stays done.
CAME_LATER = {
    "channels": 3,
    "width": None,
    "packages": None,
    "prefix": "lmanet",
    "url": "",
    "least_precision": None,
}
# Where a class of conf/ stands now -> where it stood when the first runs were made.
FIRST_NAMES = {
    "lmanet.board.Kit": "lmanet.space.Kit",
    "lmanet.board.Region": "lmanet.space.Region",
    "lmanet.board.Target": "lmanet.validate.Target",
    "lmanet.board.Unlimited": "lmanet.validate.Unlimited",
    "lmanet.cost.CStaticOptions": "lmanet.space.CStaticOptions",
}
# Group of conf/ -> classes that its files named once, so that runs of then have saved them.
NAMED_ONCE = {"deploy": ("torch.optim.SGD",)}
# Settings that say how something is computed, and not what: another value makes no other network.
HOW_FAST = ("loading", "accelerator", "kernels", "max_seconds", "server")

# Begins the checksum of images in ``settings.json``; the first form had no beginning.
CHECKSUM_FORM = "2:"


class Record(BaseModel):
    """Frozen, and an unknown key in a file is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, but what was computed from the old fields is not copied."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def classes_below(base: Any) -> list[Any]:
    """Every class that inherits from ``base``, in the order in which they were written; of those
    with one name the last, as where a module was loaded again.
    """
    found: dict[tuple[str, str], Any] = {}
    for one in base.__subclasses__():
        for each in (one, *classes_below(one)):
            found[each.__module__, each.__qualname__] = each
    return list(found.values())


class Notice(Record):
    """Something that is off and no error: a result that looks right and may mean nothing.

    Attributes:
        kind: ``one_class``, ``constant_pixels``, ``few_validation_images``, ...: one word for each
            sort, the same in every run.
        text: one sentence: what was seen, and what it means or what to do.
    """

    kind: str
    text: str


def require_packages(what: str, extra: str, *packages: str) -> None:
    """Raises `ConfigError` where a package is not installed that something later needs; none is
    imported.

    Args:
        extra: of lmanet, that installs them; empty where they come with lmanet itself.
    """
    if missing := [name for name in packages if find_spec(name) is None]:
        fix = f"'lmanet[{extra}]'" if extra else "lmanet"
        raise ConfigError(f"{what} needs the package {', '.join(missing)}: pip install {fix}")


def settings_id(settings: object) -> str:
    """Twelve hexadecimal digits, the same for the same settings; what only says how they are
    computed is left out.
    """
    text = json.dumps(_what_matters(under_first_names(settings)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def under_first_names(settings: Any) -> Any:
    """Settings with the names that their classes bore first: a class that has moved changes no
    setting.
    """
    if isinstance(settings, Mapping):
        return {
            key: FIRST_NAMES.get(value, value) if key == "_target_" else under_first_names(value)
            for key, value in settings.items()
        }
    return (
        [under_first_names(each) for each in settings] if isinstance(settings, list) else settings
    )


def _what_matters(settings: object) -> object:
    if isinstance(settings, dict):
        return {
            key: _what_matters(value)
            for key, value in settings.items()
            if key not in HOW_FAST and (key not in CAME_LATER or CAME_LATER[key] != value)
        }
    return [_what_matters(each) for each in settings] if isinstance(settings, list) else settings
