"""Doubles of the steps, for tests of the loop alone: what they stand in for is tested with the real
thing in its own folder.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.network import Architecture
from lmanet.promote import Everything
from lmanet.run.brief import Brief, Budget, Goal, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import (
    Epoch,
    Job,
    Outcome,
    Proposal,
    Score,
    Status,
    Trial,
    Usage,
    Verdict,
    Violation,
)
from lmanet.search import Search, Steps
from lmanet.space import architecture_id, load_space
from lmanet.steps import Promotion

# Without the blocks of ordinary convolutions, which rarely keep the double's limit.
SPACE = load_space(
    "mcu", {"resolution": [32], "num_stages": [3], "stage": {"block": ["depthwise", "mbconv"]}}
)
GOALS = (Goal(name="val_accuracy", maximise=True), Goal(name="macs", maximise=False))
BRIEF = Brief(
    space=SPACE,
    seed=3,
    images="digits",
    num_classes=10,
    limits={"macs": 30_000_000},
    objectives=GOALS,
)


class ProposerDouble:
    """Draws from the space; every fifth reply is unreadable."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closed = False

    def propose(self, request: Request) -> list[Proposal]:
        self.requests.append(request)
        usage = Usage(prompt_tokens=10, completion_tokens=5, requests=1, seconds=0.1)
        if request.tokens_left is not None and request.tokens_left < 15:
            return []
        if request.number % 5 == 4:
            return [Proposal(proposer="double", reply="no", error="no JSON", usage=usage)]
        drawn = [
            SPACE.sample(np.random.default_rng(request.number + i)) for i in range(request.count)
        ]
        return [
            Proposal(proposer="double", architecture=each, usage=Usage() if i else usage)
            for i, each in enumerate(drawn)
        ]

    def close(self) -> None:
        self.closed = True


class ValidatorDouble:
    """Allows thirty million MACs and no duplicate."""

    def validate(self, architecture: Architecture, known: Collection[str]) -> Verdict:
        cost = estimate(architecture, 10)
        violations = (
            [Violation(rule="macs", hint="halve the channels", given=cost.macs, limit=30_000_000)]
            if cost.macs > 30_000_000
            else []
        )
        if architecture_id(architecture) in known:
            violations.append(Violation(rule="duplicate", hint="known"))
        return Verdict(accepted=not violations, cost=cost, violations=tuple(violations))


class ExecutorDouble:
    """Gives an accuracy that follows from the parameters, and one epoch of 1 s each; finishes jobs
    in reverse order.
    """

    def __init__(self, capacity: int = 2) -> None:
        self.capacity = capacity
        self.whole = 1  # epochs of a training to its end
        self.epochs: list[tuple[int, int | None]] = []
        self.jobs: list[Job] = []
        self.trained: list[int] = []
        self.closed = False

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def collect(self, wait: bool) -> list[Outcome]:
        if not wait:
            return []
        job = self.jobs.pop()
        self.trained.append(job.number)
        if job.number % 3 == 2 and job.epochs is None:
            return [Outcome(number=job.number, status=Status.FAILED, error="loss is nan")]
        self.epochs.append((job.number, job.epochs))
        if job.epochs == 0:
            return [
                Outcome(
                    number=job.number,
                    status=Status.PAUSED,
                    zero_cost={"params": estimate(job.architecture, 10).params},
                )
            ]
        accuracy = estimate(job.architecture, 10).params % 997 / 997
        if job.folder:
            job.folder.mkdir(parents=True, exist_ok=True)
        epoch = Epoch(
            epoch=0, train_loss=1 - accuracy, val_loss=1, val_accuracy=accuracy, seconds=1.0
        )
        curve = tuple(
            epoch.model_copy(update={"epoch": place}) for place in range(job.epochs or self.whole)
        )
        score = Score(
            val_accuracy=accuracy,
            val_macro_f1=accuracy,
            val_calibration_error=0.1,
            seconds=float(len(curve)),
            curve=curve,
        )
        return [
            Outcome(
                number=job.number,
                status=Status.PAUSED if job.epochs else Status.TRAINED,
                score=score,
            )
        ]

    def close(self) -> None:
        self.closed = True


class ParetoDouble:
    """The one most accurate trial."""

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        return sorted(
            (t for t in trials if t.eligible and t.score),
            key=lambda t: (-t.score.val_accuracy, t.number),
        )[:1]

    def hypervolume(self, trials: Sequence[Trial]) -> float:
        return self.front(trials)[0].score.val_accuracy if self.front(trials) else 0.0


class FeedbackDouble:
    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        return f"{len(trials)} trials"


class ListenerDouble:
    def __init__(self) -> None:
        self.events: list[str] = []

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        self.events.append(f"start {len(trials)}")

    def on_trial_end(self, trial: Trial) -> None:
        self.events.append("trial")

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        self.events.append("front")

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        self.events.append(f"end {len(trials)}")

    def on_run_end(self) -> None:
        self.events.append("run end")


@pytest.fixture
def brief() -> Brief:
    return BRIEF


@pytest.fixture
def make_search(tmp_path: Path) -> Callable[..., Search]:
    def make(
        budget: Budget,
        capacity: int = 2,
        proposer: ProposerDouble | None = None,
        batch: int = 1,
        promotion: Promotion | None = None,
    ) -> Search:
        steps = Steps(
            proposer or ProposerDouble(),
            ValidatorDouble(),
            promotion or Everything(BRIEF),
            ExecutorDouble(capacity),
            ParetoDouble(),
            FeedbackDouble(),
            [ListenerDouble()],
        )
        return Search(steps, History(RunFolder(tmp_path)), budget, seed=3, batch=batch)

    return make
