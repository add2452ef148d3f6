"""Thresholds by class: what rare classes gain, and what is left as it was."""

import pytest
import torch

from lmanet.train.thresholds import balanced_accuracy, fit_thresholds, is_unequal


def drawn(seed: int, counts: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a classifier that has seen classes as often as ``counts`` says: it prefers the
    frequent ones by the logarithm of their share, as a calibrated one does.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((count,), place) for place, count in enumerate(counts)])
    logits = torch.randn(len(labels), len(counts), generator=generator)
    logits[torch.arange(len(labels)), labels] += 1.5
    shares = torch.tensor(counts).double() / sum(counts)
    return logits * 1.5 + shares.log(), labels


def test_a_rare_class_is_found_more_often_also_in_images_not_fitted_on():
    logits, labels = drawn(0, [900, 80, 20])
    offsets = fit_thresholds(logits, labels)
    assert offsets[0] == 0 and offsets[2] > offsets[1] > 0
    others, truth = drawn(1, [9000, 800, 200])
    before = balanced_accuracy(others.argmax(1), truth, 3)
    after = balanced_accuracy((others + offsets).argmax(1), truth, 3)
    assert after > before + 0.15


def test_it_never_loses_on_the_images_it_was_fitted_on():
    for seed in range(20):
        logits, labels = drawn(seed, [30, 12, 5, 3])
        offsets = fit_thresholds(logits, labels)
        before = balanced_accuracy(logits.argmax(1), labels, 4)
        assert balanced_accuracy((logits + offsets).argmax(1), labels, 4) >= before


def test_two_classes_get_the_best_of_all_thresholds():
    logits, labels = drawn(3, [40, 7])
    found = balanced_accuracy((logits + fit_thresholds(logits, labels)).argmax(1), labels, 2)
    margins = (logits[:, 0] - logits[:, 1]).tolist()
    tried = [
        balanced_accuracy((logits + torch.tensor([0.0, step + 1e-3])).argmax(1), labels, 2)
        for step in [-100.0, *margins]
    ]
    assert found == pytest.approx(max(tried))


def test_where_all_is_right_nothing_is_changed():
    labels = torch.tensor([0, 0, 0, 1, 2])
    logits = torch.nn.functional.one_hot(labels, 4).double() * 5
    assert torch.equal(fit_thresholds(logits, labels), torch.zeros(4, dtype=torch.float64))


def test_classes_are_unequal_from_half_as_many_more_on():
    assert is_unequal([15, 10]) and not is_unequal([14, 10]) and not is_unequal([10, 0])
