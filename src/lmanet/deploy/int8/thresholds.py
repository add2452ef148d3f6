"""Thresholds by class that the firmware goes by: fitted in the integers of its logits, so that the
C chooses to the bit what was fitted.
"""

import torch
from torch import Tensor

from lmanet.network.thresholds import are_worth_it, fit_leads, fit_thresholds, is_unequal
from lmanet.run.results import FirmwareThresholds


def firmware_thresholds(
    logits: Tensor, labels: Tensor, step: float, least_precision: float | None
) -> FirmwareThresholds | None:
    """Of a network in int8; None where its C takes the largest logit, as ever.

    Something is added to logits where classes are unequal and that helps on images that it was not
    fitted on.

    Args:
        logits: real ones, of validation images (N, classes).
        labels: (N,).
        step: what one step of an integer is worth in a logit.
        least_precision: share of 1 of the images called by a class that must be of it, else the
            network is unsure; None is never unsure.
    """
    integers = whole_steps(logits, step)
    counts = torch.bincount(labels, minlength=logits.shape[1]).tolist()
    added = torch.zeros_like(integers[0])
    if is_unequal(counts) and are_worth_it(integers, labels):
        added = fit_thresholds(integers, labels)
    least = torch.zeros_like(added)
    if least_precision is not None:
        least = fit_leads(integers + added, labels, least_precision)
    if not added.any() and not least.any():
        return None
    return FirmwareThresholds(
        added=tuple(added.tolist()),
        least_lead=tuple(least.tolist()),
        step=step,
        val_images=len(labels),
    )


def whole_steps(logits: Tensor, step: float) -> Tensor:
    """Logits of a network in int8 -> its integers, but for the zero point."""
    return (logits.double() / step).round().long()
