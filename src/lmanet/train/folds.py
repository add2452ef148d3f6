"""The score of a candidate that was trained several times, each time validated on other images."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from lmanet.base import Notice
from lmanet.errors import ConfigError
from lmanet.run.records import Epoch, Job, Score
from lmanet.steps import FoldedData

if TYPE_CHECKING:
    from lmanet.train.trainer import Trainer

CURVE = ("train_loss", "val_loss", "val_accuracy")


def jobs_of(trainer: "Trainer", job: Job) -> "Iterator[tuple[Trainer, Job]]":
    """A trainer and a job for each fold of the recipe; each may pause and go on by itself.

    Raises:
        ConfigError: the data know one division alone.
    """
    recipe, folds = trainer.recipe, trainer.recipe.folds
    if not isinstance(trainer.data, FoldedData):
        raise ConfigError(
            f"folds={folds}: {trainer.data.name} has one division into training and validation "
            "alone; set the recipe's folds to 1 (conf/train)"
        )
    limit = recipe.max_seconds / folds if recipe.max_seconds else None
    alone = replace(recipe, folds=1, max_seconds=limit)
    for number in range(folds):
        folder = job.folder / f"fold_{number}" if job.folder else None
        yield (
            trainer.on(trainer.data.fold(number, folds), alone),
            job.model_copy(update={"folder": folder, "weights": None}),
        )


def together(scores: Sequence[Score]) -> Score:
    """One score of all folds: their validation images count alike, their seconds add up."""
    images = [score.val_images or 1 for score in scores]
    known = [score.predicted_classes for score in scores if score.predicted_classes is not None]
    renewed = [each for score in scores if (each := score.batch_norm_seconds) is not None]
    return Score(
        val_accuracy=_mean([score.val_accuracy for score in scores], images),
        val_macro_f1=_known_mean([score.val_macro_f1 for score in scores]),
        val_balanced_accuracy=_known_mean([score.val_balanced_accuracy for score in scores]),
        val_calibration_error=_known_mean([score.val_calibration_error for score in scores]),
        seconds=sum(score.seconds for score in scores),
        curve=tuple(_curve(scores)),
        kernels=scores[0].kernels,
        val_images=sum(images),
        batch_norm_seconds=sum(renewed) if renewed else None,
        predicted_classes=max(known) if known else None,
        fold_accuracies=tuple(score.val_accuracy for score in scores),
        notices=tuple(_notices(scores)),
    )


def _curve(scores: Sequence[Score]) -> Iterator[Epoch]:
    """The mean of each epoch that all folds have; one may have ended earlier."""
    for epochs in zip(*(score.curve for score in scores), strict=False):
        means = {name: fmean(getattr(epoch, name) for epoch in epochs) for name in CURVE}
        seconds = sum(epoch.seconds for epoch in epochs)
        yield Epoch(epoch=epochs[0].epoch, seconds=seconds, **means)


def _notices(scores: Sequence[Score]) -> Iterator[Notice]:
    """Each of a kind once."""
    yield from {notice.kind: notice for score in scores for notice in score.notices}.values()


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return min(1.0, fmean(values, weights))


def _known_mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None
