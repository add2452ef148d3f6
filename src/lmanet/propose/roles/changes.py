"""What changes of a network have brought before."""

from collections.abc import Iterator

from lmanet.propose.roles.task import Round, accuracy
from lmanet.run.records import Status, Trial
from lmanet.space.describe import assignments


def tried_changes(given: Round, parent: Trial, most: int) -> list[str]:
    """What networks that differ from the parent in one choice have reached, the last first."""
    return list(_tried_lines(given, parent))[:most]


def _tried_lines(given: Round, parent: Trial) -> Iterator[str]:
    assert parent.architecture is not None
    for trial in reversed(given.request.trials):
        if (
            trial.status is not Status.TRAINED
            or trial.architecture is None
            or trial.number == parent.number
        ):
            continue
        found = given.brief.space.changes(parent.architecture, trial.architecture)
        if len(found) == 1:
            gained = accuracy(trial) - accuracy(parent)
            yield f"- {assignments(found)}: accuracy {accuracy(trial):.3f} ({gained:+.3f})"
