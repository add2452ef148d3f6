"""What is off about a result, told from records alone: functions without state, one for each kind
of notice.
"""

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from statistics import stdev

from lmanet.base import Notice
from lmanet.run.records import Score, Status, Trial

Z = 1.96  # standard errors of a 95 % interval
LEAST_CHOICES = 5  # fewer may be alike by chance


def unclear_difference(accuracy: float, images: int) -> float:
    """The largest difference from ``accuracy`` that chance alone explains, 95 %: two networks, each
    on so many images.

    Both accuracies bear an error. Each count of right answers gets one more right and one more
    wrong (Agresti and Caffo 2000): without that, a network that is right on all of 20 images would
    seem to be known exactly.
    """
    share = (accuracy * images + 1) / (images + 2)
    return Z * sqrt(2 * share * (1 - share) / (images + 2))


def least_difference(score: Score, counted: int | None = None) -> float | None:
    """The least difference from a network's accuracy that means something, 95 %; None where nobody
    counted its images. Chance chooses the images. In each of several folds it also trains another
    network: their spread counts where it is more.

    Args:
        counted: validation images, where the score does not know their number.
    """
    if (images := score.val_images or counted) is None:
        return None
    folds = score.fold_accuracies
    spread = Z * sqrt(2 / len(folds)) * stdev(folds) if len(folds) > 1 else 0.0
    return max(unclear_difference(score.val_accuracy, images), spread)


def unclear_front(front: Sequence[Trial], counted: int | None = None) -> list[Notice]:
    """That networks of a front, the most accurate first, cannot be ranked by their accuracy.

    Args:
        counted: validation images, for trials that do not know their number.
    """
    scores = [trial.score for trial in front if trial.score]
    least = least_difference(scores[0], counted) if scores else None
    if least is None:
        return []
    best, images = scores[0].val_accuracy, scores[0].val_images or counted
    close = sum(best - score.val_accuracy < least for score in scores[1:])
    if not close:
        return []
    text = (
        f"{images:,} validation images cannot tell the best network of the front from {close} of "
        f"the {len(scores) - 1} others: a difference of less than {100 * least:.1f} points means "
        "nothing (95 %)"
    )
    return [Notice(kind="unclear_front", text=text)]


def core_stands_in(wanted: str, emulated: str, emulator: str) -> list[Notice]:
    """That the generated C did not run on a core of the target's kind."""
    if wanted == emulated:
        return []
    text = (
        f"{emulator} has no core={wanted}: the C was compiled for {emulated} and run on it, so "
        f"instructions, stack and flash are of {emulated}; latency is a guess"
    )
    return [Notice(kind="core_stands_in", text=text)]


def not_compared(runtimes: Sequence[str]) -> list[Notice]:
    """That the generated C was not held against TensorFlow Lite Micro.

    Args:
        runtimes: that it was held against.
    """
    if "tflm" in runtimes:
        return []
    litert = "LiteRT within one step" if "litert" in runtimes else "LiteRT was not compared either"
    text = (
        "TensorFlow Lite Micro was not compared: its package exists for Linux on x86-64 alone; "
        f"the logits equal those of lmanet's reference in plain integers ({litert})"
    )
    return [Notice(kind="not_compared", text=text)]


def int8_differs(
    float_accuracy: float, int8_accuracy: float, unlike: int, images: int
) -> list[Notice]:
    """That the network in int8 is right on fewer images than in float, or on more, than chance
    explains.

    A sign test: of the images on which the two differ, either is as likely to be right. Some of
    these both have wrong, so that it errs towards silence.

    Args:
        unlike: images for which the two predict different classes.
        images: on which both were measured.
    """
    more_wrong = (float_accuracy - int8_accuracy) * images
    if not unlike or abs(more_wrong) - 1 <= Z * sqrt(unlike):
        return []
    advice = (
        "take another deploy.settings.calibration or more epochs of fine-tuning (conf/deploy)"
        if more_wrong > 0
        else "the float network was trained too little (train.full in conf/train)"
    )
    text = (
        f"in int8 the network is right on {100 * int8_accuracy:.1f} % of {images:,} validation "
        f"images and in float on {100 * float_accuracy:.1f} %, which chance does not explain (95 "
        f"%); {advice}"
    )
    return [Notice(kind="int8_differs", text=text)]


def one_class(predicted: Sequence[str], where: str) -> list[Notice]:
    """That a network takes all images for one class.

    Args:
        predicted: the distinct names of the classes that it predicts.
        where: which images, in words.
    """
    if len(predicted) != 1:
        return []
    text = (
        f"every one of the {where} is taken for the class {predicted[0]}: the network tells "
        "nothing apart, and its accuracy is chance"
    )
    return [Notice(kind="one_class", text=text)]


def one_arm(trials: Sequence[Trial]) -> list[Notice]:
    """That a model which sets the sampler names one arm always, so that its tokens buy nothing that
    a setting would not.
    """
    # for the other networks that an arm has drawn, nobody was asked
    named = [t.proposal.arm for t in trials if t.proposal.arm and t.proposal.usage.requests]
    if len(named) < LEAST_CHOICES or len(set(named)) > 1:
        return []
    text = (
        f'the model chose "{named[0]}" all {len(named)} times, whatever each way had brought: a '
        "sampler that is set so does the same without tokens (propose=sampler, or propose=bandit "
        "that chooses by what they bring)"
    )
    return [Notice(kind="one_arm", text=text)]


def nothing_trained(trials: Sequence[Trial]) -> str | None:
    """Why a search has no trained network, in one sentence; None where it has."""
    statuses = Counter(trial.status for trial in trials)
    if statuses[Status.TRAINED]:
        return None
    if not trials:
        return (
            "nothing was trained: the budget was spent before the first proposal; raise it "
            "(budget in conf/config.yaml)"
        )
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    return (
        f"nothing was trained to the end: of {len(trials)} candidates {counts}; "
        f"{_hindrance(trials)}"
    )


def _hindrance(trials: Sequence[Trial]) -> str:
    """What kept most candidates from being trained: the end of a training says more than a rule."""
    failed = [
        trial.error
        for trial in trials
        if trial.status in (Status.FAILED, Status.TIMED_OUT) and trial.error
    ]
    if failed:
        return f"most trainings ended so: {_most_common(failed)}"
    if any(trial.status is Status.PAUSED for trial in trials):
        return "raise the budget and resume the run (budget in conf/config.yaml)"
    broken = [
        trial.verdict.violations[0]
        for trial in trials
        if trial.verdict and trial.verdict.violations
    ]
    if broken:
        rule = _most_common([violation.rule for violation in broken])
        hint = next(violation.hint for violation in broken if violation.rule == rule)
        return f"most broke the rule {rule}, such as: {hint}"
    return f"most replies held no network: {_most_common([trial.error or '' for trial in trials])}"


def _most_common(words: Sequence[str]) -> str:
    return Counter(words).most_common(1)[0][0]
