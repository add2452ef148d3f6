"""Trials of real architectures, and a small search told to listeners."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.run.brief import Budget
from lmanet.run.records import Epoch, Proposal, Score, Status, Trial, Usage, Verdict, Violation
from lmanet.space import load_space

SPACE = load_space("mcu", {"resolution": [32]})


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., Trial]:
    def make(number: int, status: Status = Status.TRAINED, accuracy: float = 0.5) -> Trial:
        architecture = (
            None if status is Status.UNPARSABLE else SPACE.sample(np.random.default_rng(number))
        )
        usage = Usage(prompt_tokens=1000, completion_tokens=200, requests=1, seconds=2.0)
        rejected = (
            (Violation(rule="macs", given=9, limit=5, hint="macs=9 exceeds 5"),)
            if status is Status.REJECTED
            else ()
        )
        verdict = (
            Verdict(accepted=not rejected, cost=estimate(architecture, 10), violations=rejected)
            if architecture
            else None
        )
        curve = (Epoch(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=accuracy, seconds=3.0),)
        score = Score(
            val_accuracy=accuracy,
            val_macro_f1=accuracy,
            val_calibration_error=0.1,
            seconds=3.0,
            curve=curve,
        )
        return Trial(
            number=number,
            status=status,
            proposal=Proposal(proposer="test", architecture=architecture, usage=usage),
            verdict=verdict,
            score=score if status in (Status.TRAINED, Status.PAUSED) else None,
            error="no JSON in the reply" if status is Status.UNPARSABLE else None,
            seed=number,
            started_at="2026-11-22T14:00:00.000+00:00",
            seconds=5.0,
            elapsed_seconds=10.0 * (number + 1),
        )

    return make


@pytest.fixture
def tell() -> Callable[..., None]:
    """Plays a search to a listener as `lmanet.search.Search` does; ``before`` is what a resumed run
    finds.
    """

    def play(
        listener,
        trials: Sequence[Trial],
        before: Sequence[Trial] = (),
        budget: Budget | None = None,
    ) -> None:
        listener.on_search_start(before, budget or Budget(proposals=10))
        seen = list(before)
        front: list[Trial] = [trial for trial in seen if trial.eligible]
        for trial in trials:
            seen.append(trial)
            listener.on_trial_end(trial)
            if trial.eligible:
                front = [trial, *front]
                listener.on_front_change(front, 0.1 * len(front))
        listener.on_search_end(seen, front)

    return play
