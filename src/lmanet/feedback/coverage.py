"""Which values of the space no proposal has used yet."""

from collections.abc import Sequence

from lmanet.run.records import Trial
from lmanet.space import SearchSpace


def untried(trials: Sequence[Trial], space: SearchSpace) -> list[str]:
    """One line for every field that has values which no proposed network used, trained or not."""
    used = {
        entry
        for trial in trials
        if isinstance(trial.architecture, space.candidate_type)
        for entry in space.covered(trial.architecture)
    }
    return [
        f"- {name}: {', '.join(map(str, missing))}"
        for name, values in space.coverage()
        if (missing := [value for value in values if (name, value) not in used])
    ]
