"""The difference between two networks in words."""

from typing import Any

from lmanet.network.architecture import Architecture
from lmanet.space.cells.space import AnySpace
from lmanet.space.describe import write_choices
from lmanet.space.forms import AnyArchitecture


def changes(space: AnySpace, before: AnyArchitecture, after: AnyArchitecture) -> dict[str, Any]:
    """Choice -> new value, for every choice that ``after`` has and ``before`` has not so."""
    old = write_choices(space, before)
    return {
        name: value for name, value in write_choices(space, after).items() if old.get(name) != value
    }


def change_text(space: AnySpace, before: AnyArchitecture, after: AnyArchitecture) -> str:
    """``stage3.channels=64, stage1.kernel=5``, or ``double stage 2`` and ``drop stage 2``, as
    `Space.neighbours` does.
    """
    if (
        isinstance(before, Architecture)
        and isinstance(after, Architecture)
        and len(before.stages) != len(after.stages)
    ):
        fewer, more = sorted((before.stages, after.stages), key=len)
        place = next(i for i in range(len(more)) if (*more[:i], *more[i + 1 :]) == fewer)
        return f"{'double' if more == after.stages else 'drop'} stage {place + 1}"
    return assignments(changes(space, before, after))


def assignments(found: dict[str, Any]) -> str:
    """``stage3.channels=64, stage1.kernel=5``."""
    return ", ".join(f"{name}={_word(value)}" for name, value in found.items())


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
