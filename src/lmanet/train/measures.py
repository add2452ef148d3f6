"""What a validation measures, over all images and of each class; and what a class weighs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
)


class ClassCounts(NamedTuple):
    """How a validation went for one class: its images, those of them that were right, and images of
    any class that were taken for it.
    """

    images: int
    right: int
    predicted: int


def class_weights(counts: Sequence[int], balance: float) -> tuple[float, ...]:
    """How much an image of each class counts: (mean count / count) ** balance, with mean 1 over the
    images.

    Args:
        counts: training images of each class.
        balance: 0 weighs all images alike, 1 all classes.
    """
    mean = sum(counts) / len(counts)
    raw = [(mean / max(count, 1)) ** balance for count in counts]
    scale = sum(counts) / sum(each * count for each, count in zip(raw, counts, strict=True))
    return tuple(each * scale for each in raw)


def by_class(predicted: Tensor, labels: Tensor, num_classes: int) -> tuple[ClassCounts, ...]:
    """The counts of each class, of predictions (N,) and labels (N,)."""
    counts = [
        torch.bincount(each, minlength=num_classes).tolist()
        for each in (labels, labels[predicted == labels], predicted)
    ]
    return tuple(ClassCounts(*row) for row in zip(*counts, strict=True))


def metrics(num_classes: int) -> MetricCollection:
    """Of a validation; their arguments are not checked, which would look at each batch on the
    CPU.
    """
    kind: dict[str, Any] = {"num_classes": num_classes, "validate_args": False}
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(average="micro", **kind),
            "balanced_accuracy": MulticlassAccuracy(average="macro", **kind),
            "macro_f1": MulticlassF1Score(average="macro", **kind),
            "calibration_error": MulticlassCalibrationError(n_bins=15, norm="l1", **kind),
        },
        compute_groups=False,  # they keep different states
    )
