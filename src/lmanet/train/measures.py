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

from lmanet.network.thresholds import UNSURE, balanced_accuracy, choose
from lmanet.run.results import FirmwareThresholds, Thresholds


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


def of_firmware(
    fitted: FirmwareThresholds, logits: Tensor, places: Sequence[int], labels: Tensor
) -> Thresholds:
    """What the thresholds of a firmware bring on images, chosen as its C chooses.

    Args:
        logits: of a network in int8 (N, classes), in the order of the data's classes.
        places: for each class of the data, its logit in the firmware.
        labels: (N,), by the data's classes.
    """
    order = torch.tensor(places)
    integers = (logits.double() / fitted.step).round().long()[:, order.argsort()]
    added = torch.tensor(fitted.added)
    chosen = choose(integers, added, torch.tensor(fitted.least_lead))
    chosen = torch.where(chosen == UNSURE, UNSURE, order.argsort()[chosen])
    found = by_thresholds(fitted.step * added[order], fitted.val_images, chosen, labels)
    unsure = labels[chosen == UNSURE]
    counts = torch.bincount(unsure, minlength=len(order)).tolist() if len(unsure) else []
    return found.model_copy(update={"unsure": tuple(counts), "in_firmware": True})


def by_thresholds(added: Tensor, val_images: int, chosen: Tensor, labels: Tensor) -> Thresholds:
    """What thresholds bring on images.

    Args:
        added: to the logit of each class.
        val_images: they were fitted on.
        chosen: the class of each image (N,), or `UNSURE`.
        labels: (N,).
    """
    classes = len(added)
    right = torch.bincount(labels[chosen == labels], minlength=classes)
    return Thresholds(
        added=tuple(added.tolist()),
        val_images=val_images,
        right=tuple(right.tolist()),
        test_accuracy=float((chosen == labels).double().mean()),
        test_balanced_accuracy=balanced_accuracy(chosen, labels, classes),
    )
