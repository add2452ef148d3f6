"""Thresholds by class: what is added to each logit before the largest is taken, so that rare
classes are found as often as frequent ones; and how far it must lead to be believed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDS = 3  # over all classes; later ones change nothing in practice
UNEQUAL = 1.5  # images of the largest class by those of the smallest, from which on it is worth it
UNSURE = -1  # in place of a class
LOWEST = -(10**6)  # below any logit; whole numbers have no infinity


def is_unequal(counts: Sequence[int]) -> bool:
    """Whether some classes have so many more images than others that accuracy hides them."""
    return min(counts) > 0 and max(counts) >= UNEQUAL * min(counts)


def fit_thresholds(logits: Tensor, labels: Tensor) -> Tensor:
    """Offsets (classes,) of the logits by which balanced accuracy on these images is highest, found
    class by class; the first is 0, for only differences count.

    Args:
        logits: (N, classes), of validation images. Whole numbers get whole offsets: then of equal
            sums the first class is taken.
        labels: (N,); a class without images keeps its offset.
    """
    logits = logits.double() if logits.is_floating_point() else logits.long()
    offsets = torch.zeros_like(logits[0])
    counts = torch.bincount(labels, minlength=logits.shape[1])
    worth = 1 / counts.clamp_min(1).double()[labels]
    for _ in range(ROUNDS):
        before = offsets.clone()
        for place in counts.nonzero().flatten().tolist():
            offsets[place] += _best(logits + offsets, labels, worth, place)
        if torch.equal(offsets, before):
            break
    return offsets - offsets[0]


def are_worth_it(logits: Tensor, labels: Tensor) -> bool:
    """Whether offsets raise the balanced accuracy of images that they were not fitted on: of each
    half of these, by the other half.

    Args:
        logits: (N, classes).
        labels: (N,).
    """
    classes = logits.shape[1]
    even = _every_other(labels)
    before, after = labels.clone(), labels.clone()
    for half in (even, ~even):
        offsets = fit_thresholds(logits[~half], labels[~half])
        before[half] = logits[half].argmax(1)
        after[half] = (logits[half] + offsets).argmax(1)
    return balanced_accuracy(after, labels, classes) > balanced_accuracy(before, labels, classes)


def fit_leads(sums: Tensor, labels: Tensor, least_precision: float) -> Tensor:
    """The least lead (classes,) of the largest sum over the second, class by class, from which on
    so large a share of what is called so is right. Where no lead reaches it, it is beyond all.

    Args:
        sums: whole numbers (N, classes): logits and what is added to them.
        labels: (N,).
        least_precision: share of 1.
    """
    called, leads = _leads(sums)
    least = torch.zeros_like(sums[0])
    for place in called.unique().tolist():
        order = leads[called == place].sort(descending=True)
        right = (labels[called == place] == place)[order.indices].double().cumsum(0)
        enough = right / torch.arange(1, len(right) + 1) >= least_precision
        # of equal leads all are called so, or none
        whole = torch.cat((order.values[1:] != order.values[:-1], enough.new_ones(1)))
        reached = order.values[enough & whole]
        if enough[-1]:
            continue  # of all that is called so
        least[place] = reached.min() if len(reached) else order.values[0] + 1
    return least


def choose(logits: Tensor, added: Tensor, least_lead: Tensor) -> Tensor:
    """The class of each image (N,), or `UNSURE`, as the generated C finds it."""
    called, leads = _leads(logits + added)
    return torch.where(leads < least_lead[called], UNSURE, called)


def balanced_accuracy(predicted: Tensor, labels: Tensor, num_classes: int) -> float:
    """Mean over the classes that have images of the share that is right."""
    counts = torch.bincount(labels, minlength=num_classes)
    right = torch.bincount(labels[predicted == labels], minlength=num_classes)
    there = counts > 0
    return float((right[there] / counts[there]).mean())


def _leads(sums: Tensor) -> tuple[Tensor, Tensor]:
    """The class with the largest sum, the first of equal ones, and by how much it leads (N,)."""
    largest, called = sums.max(dim=1)
    others = sums.scatter(1, called[:, None], LOWEST)
    return called, largest - others.max(dim=1).values


def _every_other(labels: Tensor) -> Tensor:
    """Every other image of each class."""
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for place in labels.unique().tolist():
        chosen[(labels == place).nonzero().flatten()[::2]] = True
    return chosen


def _best(logits: Tensor, labels: Tensor, worth: Tensor, place: int) -> Tensor:
    """What is best added to one logit; of several the least change, so that none is made for
    nothing.
    """
    others = logits.clone()
    others[:, place] = LOWEST
    rival, taken = others.max(dim=1)
    margins = rival - logits[:, place]  # the class is taken from here on
    if logits.is_floating_point():  # between two margins nothing changes; a little is enough
        edge, below, above = 2e-3, 1e-3, 1e-3
    else:  # at equal sums the first class is taken
        margins = margins + (taken < place)
        edge, below, above = 1, 0, 1
    gain = torch.where(labels == place, worth, -worth * (taken == labels))
    order = margins.argsort()
    steps, sums = margins[order], torch.cat((gain.new_zeros(1), gain[order].cumsum(0)))
    low = torch.cat((steps[:1] - edge, steps)) + below
    high = torch.cat((steps, steps[-1:] + edge)) - above
    there = high >= low
    nearest = torch.zeros_like(low).minimum(high).maximum(low)
    score = torch.where(there, sums, -torch.inf)
    best = (score >= score.max() - 1e-12).nonzero().flatten()
    return nearest[best[nearest[best].abs().argmin()]]
