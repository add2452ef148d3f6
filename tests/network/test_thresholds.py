"""Thresholds by class: what rare classes gain, and what is left as it was."""

import pytest
import torch

from lmanet.network.thresholds import (
    UNSURE,
    are_worth_it,
    balanced_accuracy,
    choose,
    fit_leads,
    fit_thresholds,
    is_unequal,
)


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


def in_steps(seed: int, counts: list[int], step: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    """The same as an int8 network gives them: whole numbers with many ties."""
    logits, labels = drawn(seed, counts)
    return (logits / step).round().long().clamp(-128, 127), labels


def test_whole_logits_get_the_best_of_all_whole_thresholds_ties_included():
    for seed in range(10):
        logits, labels = in_steps(seed, [40, 7])
        offsets = fit_thresholds(logits, labels)
        assert offsets.dtype == torch.int64
        found = balanced_accuracy((logits + offsets).argmax(1), labels, 2)
        tried = [
            balanced_accuracy((logits + torch.tensor([0, step])).argmax(1), labels, 2)
            for step in range(-60, 61)
        ]
        assert found == pytest.approx(max(tried))


def test_three_classes_of_whole_logits_are_fitted_to_what_their_class_by_class_search_finds():
    logits, labels = in_steps(5, [60, 25, 8])
    offsets = fit_thresholds(logits, labels)
    found = balanced_accuracy((logits + offsets).argmax(1), labels, 3)
    assert found > balanced_accuracy(logits.argmax(1), labels, 3)
    for place in range(3):  # no class gains by another threshold of its own
        for step in range(-40, 41):
            other = offsets.clone()
            other[place] += step
            assert balanced_accuracy((logits + other).argmax(1), labels, 3) <= found + 1e-9


def test_thresholds_that_help_only_the_images_they_were_fitted_on_are_not_worth_it():
    assert are_worth_it(*in_steps(0, [900, 80, 20]))
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 20 + [1] * 8)
    noise = torch.randint(-60, 60, (len(labels), 2), generator=generator)
    fitted = fit_thresholds(noise, labels)
    seen = balanced_accuracy((noise + fitted).argmax(1), labels, 2)
    assert seen > balanced_accuracy(noise.argmax(1), labels, 2), "they seem to help"
    assert not are_worth_it(noise, labels)


def test_what_leads_by_less_than_its_class_asks_for_is_unsure():
    #                        right    right    wrong    right    the other class, all right
    logits = torch.tensor([[9, 0], [7, 0], [4, 0], [2, 0], [0, 5], [0, 1]])
    labels = torch.tensor([0, 0, 1, 0, 1, 1])
    none = torch.zeros(2, dtype=torch.int64)
    assert fit_leads(logits, labels, 0.75).tolist() == [0, 0]
    assert fit_leads(logits, labels, 0.9).tolist() == [7, 0]
    assert choose(logits, none, fit_leads(logits, labels, 0.9)).tolist() == [
        0,
        0,
        UNSURE,
        UNSURE,
        1,
        1,
    ]


def test_a_class_whose_surest_image_is_wrong_is_never_called():
    logits, labels = torch.tensor([[9, 0], [3, 0], [0, 4]]), torch.tensor([1, 0, 1])
    assert fit_leads(logits, labels, 0.9).tolist() == [10, 0]


def test_images_of_one_lead_are_called_or_left_together():
    logits, labels = torch.tensor([[5, 0], [5, 0], [5, 0], [1, 0]]), torch.tensor([0, 0, 1, 1])
    assert fit_leads(logits, labels, 0.9).tolist() == [6, 0]
    assert fit_leads(logits, labels, 0.6).tolist() == [5, 0]
