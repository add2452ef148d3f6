"""Thresholds by class: what is added to each logit before the largest is taken, so that rare
classes are found as often as frequent ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDS = 3  # over all classes; later ones change nothing in practice
UNEQUAL = 1.5  # images of the largest class by those of the smallest, from which on it is worth it


def is_unequal(counts: Sequence[int]) -> bool:
    """Whether some classes have so many more images than others that accuracy hides them."""
    return min(counts) > 0 and max(counts) >= UNEQUAL * min(counts)


def fit_thresholds(logits: Tensor, labels: Tensor) -> Tensor:
    """Offsets (classes,) of the logits by which balanced accuracy on these images is highest, found
    class by class; the first is 0, for only differences count.

    Args:
        logits: (N, classes), of validation images.
        labels: (N,); a class without images keeps its offset.
    """
    logits = logits.double()
    offsets = torch.zeros(logits.shape[1], dtype=torch.float64)
    counts = torch.bincount(labels, minlength=logits.shape[1])
    worth = 1 / counts.clamp_min(1).double()[labels]
    for _ in range(ROUNDS):
        before = offsets.clone()
        for place in counts.nonzero().flatten().tolist():
            offsets[place] = _best(logits + offsets, labels, worth, place) + offsets[place]
        if torch.equal(offsets, before):
            break
    return offsets - offsets[0]


def balanced_accuracy(predicted: Tensor, labels: Tensor, num_classes: int) -> float:
    """Mean over the classes that have images of the share that is right."""
    counts = torch.bincount(labels, minlength=num_classes)
    right = torch.bincount(labels[predicted == labels], minlength=num_classes)
    there = counts > 0
    return float((right[there] / counts[there]).mean())


def _best(logits: Tensor, labels: Tensor, worth: Tensor, place: int) -> float:
    """What is best added to one logit; of several the least change, so that none is made for
    nothing.
    """
    others = logits.clone()
    others[:, place] = -torch.inf
    rival, taken = others.max(dim=1)
    margins = rival - logits[:, place]  # the class is taken from here on
    gain = torch.where(labels == place, worth, -worth * (taken == labels))
    order = margins.argsort()
    steps, sums = margins[order], torch.cat((gain.new_zeros(1), gain[order].cumsum(0)))
    # between two margins nothing changes; beyond the outermost a little is enough
    low = torch.cat((steps[:1] - 2e-3, steps)) + 1e-3
    high = torch.cat((steps, steps[-1:] + 2e-3)) - 1e-3
    there = high >= low
    nearest = torch.zeros_like(low).minimum(high).maximum(low)
    score = torch.where(there, sums, -torch.inf)
    best = (score >= score.max() - 1e-12).nonzero().flatten()
    return float(nearest[best[nearest[best].abs().argmin()]])
