"""The difference between two networks in words, and what a change has brought before."""

from collections.abc import Iterator
from typing import Any

from lmanet.propose.roles.task import Round, accuracy
from lmanet.records import Status, Trial
from lmanet.space import AnyArchitecture, AnySpace, Architecture, write_choices


def changes(space: AnySpace, before: AnyArchitecture, after: AnyArchitecture) -> dict[str, Any]:
    """Choice -> new value, for every choice that ``after`` has and ``before`` has not so."""
    old = write_choices(space, before)
    return {name: value for name, value in write_choices(space, after).items() if old.get(name) != value}


def change_text(space: AnySpace, before: AnyArchitecture, after: AnyArchitecture) -> str:
    """``stage3.channels=64, stage1.kernel=5``, or ``double stage 2`` and ``drop stage 2``, as `Space.neighbours` does."""
    if isinstance(before, Architecture) and isinstance(after, Architecture) and len(before.stages) != len(after.stages):
        fewer, more = sorted((before.stages, after.stages), key=len)
        place = next(i for i in range(len(more)) if (*more[:i], *more[i + 1 :]) == fewer)
        return f"{'double' if more == after.stages else 'drop'} stage {place + 1}"
    return _assignments(changes(space, before, after))


def tried_changes(given: Round, parent: Trial, most: int) -> list[str]:
    """What networks that differ from the parent in one choice have reached, the last first."""
    return list(_tried_lines(given, parent))[:most]


def _tried_lines(given: Round, parent: Trial) -> Iterator[str]:
    assert parent.architecture is not None
    for trial in reversed(given.request.trials):
        if trial.status is not Status.TRAINED or trial.architecture is None or trial.number == parent.number:
            continue
        found = changes(given.brief.space, parent.architecture, trial.architecture)
        if len(found) == 1:
            gained = accuracy(trial) - accuracy(parent)
            yield f"- {_assignments(found)}: accuracy {accuracy(trial):.3f} ({gained:+.3f})"


def _assignments(found: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_word(value)}" for name, value in found.items())


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
