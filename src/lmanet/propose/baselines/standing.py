"""What a searcher that knows only numbers learns of a trial: objectives and excess of limits."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lmanet.errors import ConfigError
from lmanet.run.brief import Brief, Goal
from lmanet.run.growing import Growing
from lmanet.run.quantities import described, names
from lmanet.run.records import Status, Trial, Violation

# of a score that is maximised or minimised; all scores are shares of 1
WORST_SHARE = {
    True: 0.0,
    False: 1.0,
}


class Standing(NamedTuple):
    """Attributes are in the order of the brief's objectives and limits.

    Attributes:
        values: each in its own unit; the worst possible score for a network that was not trained.
        excess: given / limit - 1, above 0 where a limit is exceeded.
    """

    values: tuple[float, ...]
    excess: tuple[float, ...]

    @property
    def total_excess(self) -> float:
        """Sum over the limits that are exceeded; 0 for a feasible network."""
        return sum(excess for excess in self.excess if excess > 0)


def require_objectives(brief: Brief) -> None:
    """Raises `ConfigError` if there is no objective."""
    if not brief.objectives:
        raise ConfigError("this proposer needs at least one objective; name one in conf/pareto")


class Standings:
    """Of all trials that have ended, in their order; none where nothing was learned of the network.

    A network that exceeds a limit has its cost and the worst score. A duplicate has what the trial
    that it repeats had by then.

    Attributes:
        of: number of a trial -> its standing.
        known: the trials that have one, each with it.
    """

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.of: dict[int, Standing] = {}
        self.known: list[tuple[Trial, Standing]] = []
        self._first: dict[str, Standing] = {}

    def add(self, trial: Trial) -> None:
        """Take in a trial that has ended."""
        standing = _of(trial, self.brief)
        if trial.id and trial.status is Status.REJECTED:
            standing = standing or self._first.get(trial.id)
        if standing is None:
            return
        if trial.id:
            self._first.setdefault(trial.id, standing)
        self.of[trial.number] = standing
        self.known.append((trial, standing))


def follow(brief: Brief) -> Growing[Standings]:
    """Looks up the standings of any history; one that goes on costs what is new in it."""
    start: Callable[[], Standings] = partial(Standings, brief)
    return Growing(start, Standings.add)


def _of(trial: Trial, brief: Brief) -> Standing | None:
    if trial.verdict is None or trial.verdict.cost is None:
        return None
    given = {
        violation.rule: violation
        for violation in trial.verdict.violations
        if violation.given is not None
    }
    excess = tuple(_excess(name, limit, trial, given) for name, limit in brief.limits.items())
    known = trial.status is Status.TRAINED or (
        trial.status is Status.REJECTED and any(share > 0 for share in excess)
    )
    values = [_value(goal, trial) for goal in brief.objectives]
    numbers = [value for value in values if value is not None]
    # what no board has measured is no number
    return Standing(tuple(numbers), excess) if known and len(numbers) == len(values) else None


def _excess(name: str, limit: int, trial: Trial, given: dict[str, Violation]) -> float:
    """As measured where the validator measured, else by formula."""
    value = given[name].given if name in given else _cost(trial, name)
    return float(value or 0) / limit - 1


def _value(goal: Goal, trial: Trial) -> float | None:
    if goal.name in names("validation"):
        return float(getattr(trial.score, goal.name)) if trial.score else WORST_SHARE[goal.maximise]
    asked = described(goal.name)
    return trial.value(asked) if asked.origin == "board" else _cost(trial, goal.name)


def _cost(trial: Trial, name: str) -> float:
    assert trial.verdict is not None and trial.verdict.cost is not None
    return trial.verdict.cost.quantities()[name]
