"""What a newcomer asks of a run first: on which data, how sure, why it stopped, what to do next."""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.filters import wilson
from lmanet.run.brief import Budget
from lmanet.run.notices import least_difference
from lmanet.run.records import Score, Status, Trial
from lmanet.run.results import Evaluation, TrainedNetwork

NEXT = {  # stage -> what it does
    "train": "Train the best networks in full",
    "deploy": "Bring the best network to the board",
    "explain": "See what the best network does",
    "evaluate": "Open the test images, once no choice is left",
}


class Noise(NamedTuple):
    """What validation cannot tell apart.

    Attributes:
        images: of validation, in all folds together.
        folds: trainings of a network; 1 is one division of the images.
        least: share of 1; smaller differences of accuracy mean nothing.
    """

    images: int
    folds: int
    least: float


class Opening(NamedTuple):
    """The answers, as far as records know them.

    Attributes:
        images: (set, number), as many as are counted: ``("validation", 800)``.
        interval: 95 %, of the best network's accuracy; None where its images are not counted.
        noise: of the search, or of the best network where there was none; None where nobody counted
            the images.
        checkpoint: of the best network; None before any was trained to the end.
        tests: of these weights, in float and as they were deployed. A run that went on may hold
            tests of others.
        limit: of the budget at which the search stopped, and its value; None where its trials
            reach none, or the budget is not known.
        next_stages: (stage, what it does) of stages that have left nothing.
    """

    images: Sequence[tuple[str, int]]
    interval: tuple[float, float] | None
    noise: Noise | None
    checkpoint: str | None
    tests: Sequence[Evaluation]
    limit: tuple[str, float] | None
    next_stages: Sequence[tuple[str, str]]


def opening(run: RunFiles, setting: Setting) -> Opening:
    """From the records of a run."""
    validated = validation_images(run)
    tested = run.tests[0].images if run.tests else None
    known = (("validation", validated), ("test", tested))
    score = run.best.score if run.best else None
    checkpoint = best.checkpoint if isinstance(best := run.best, TrainedNetwork) else None
    own = {each.deployed.folder for each in run.deployments if each.checkpoint == checkpoint}
    return Opening(
        images=[(name, count) for name, count in known if count],
        interval=wilson(score.val_accuracy, validated) if score and validated else None,
        noise=_noise([trial.score for trial in run.front.trials[:1]] or [score], validated),
        checkpoint=checkpoint,
        tests=[test for test in run.tests if test.checkpoint in {checkpoint, *own}],
        limit=_limit(run.trials, setting.budget) if setting.budget and run.trials else None,
        next_stages=[(stage, NEXT[stage]) for stage in _missing(run)],
    )


def validation_images(run: RunFiles) -> int | None:
    """Their number, which the stage `explain` counts, and trainings of this version."""
    if run.examination:
        return run.examination.images
    trials = [trial.score for trial in run.trials if trial.score]
    scores = [*trials, *(network.score for network in run.full + run.distilled)]
    return next((score.val_images for score in scores if score.val_images), None)


def _noise(scores: Sequence[Score | None], counted: int | None) -> Noise | None:
    """Of the first score that there is."""
    score = next((score for score in scores if score), None)
    least = least_difference(score, counted) if score else None
    if score is None or least is None:
        return None
    return Noise(score.val_images or counted or 0, max(1, len(score.fold_accuracies)), least)


def _limit(trials: Sequence[Trial], budget: Budget) -> tuple[str, float] | None:
    """The first limit of the budget that the trials reach."""
    scores = [trial.score for trial in trials if trial.score]
    spent = {
        "trained": sum(trial.status is Status.TRAINED for trial in trials),
        "proposals": len(trials),
        "tokens": sum(trial.proposal.usage.tokens for trial in trials),
        "seconds": max(trial.elapsed_seconds for trial in trials),
        "training_seconds": sum(score.seconds for score in scores),
        "epochs": sum(score.epochs for score in scores),
    }
    limits = {name: most for name in spent if (most := getattr(budget, name)) is not None}
    return next(((name, most) for name, most in limits.items() if spent[name] >= most), None)


def _missing(run: RunFiles) -> list[str]:
    """Stages that have left nothing, once there is a network for them."""
    left = {
        "train": run.full + run.distilled,
        "deploy": run.deployments,
        "explain": run.examination,
        "evaluate": run.tests,
    }
    if run.best is None:
        return []
    if not left["train"]:
        return ["train"]  # the others need a network that was trained in full
    return [stage for stage, found in left.items() if not found]
