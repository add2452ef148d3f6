import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from lmanet.distill import Dist, Dkd, Kd
from lmanet.distill.divergence import dist_terms, dkd_terms, kd_divergence, standardised
from lmanet.errors import ConfigError

STUDENT = torch.zeros(2, 2)
# A teacher that gives odds of 3 : 1 at T = 10, in the second image the other way round
TAUGHT = torch.tensor([[10 * math.log(3), 0.0], [0.0, 10 * math.log(3)]])


def random_logits(
    count: int = 8, classes: int = 5, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (
        3 * torch.randn(count, classes, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    return student, teacher


def test_divergence_is_a_mean_over_the_batch_times_the_square_of_the_temperature() -> None:
    # KL((3/4, 1/4) || (1/2, 1/2)), for either image
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert kd_divergence(STUDENT, TAUGHT, 10.0).item() == pytest.approx(100 * by_hand)
    assert kd_divergence(STUDENT.repeat(5, 1), TAUGHT.repeat(5, 1), 10.0).item() == pytest.approx(
        100 * by_hand
    )


def test_divergence_goes_from_student_to_teacher_and_not_back() -> None:
    student = torch.tensor([[math.log(9), 0.0]])  # (0.9, 0.1), teacher (0.75, 0.25)
    teacher = torch.tensor([[math.log(3), 0.0]])
    by_hand = 0.75 * math.log(0.75 / 0.9) + 0.25 * math.log(0.25 / 0.1)
    assert kd_divergence(student, teacher, 1.0).item() == pytest.approx(by_hand)
    assert kd_divergence(teacher, teacher, 7.0).item() == pytest.approx(0.0, abs=1e-6)


def test_temperature_leaves_the_size_of_the_gradient() -> None:
    sizes = []
    for kd_temperature in (10.0, 100.0):
        student = torch.tensor([[0.3, -0.2]], requires_grad=True)
        kd_divergence(student, torch.tensor([[1.0, -1.0]]), kd_temperature).backward()
        assert student.grad is not None
        sizes.append(student.grad.norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


def test_decoupled_terms_by_hand() -> None:
    """p = (1/2, 1/3, 1/6) and q = (1/4, 1/4, 1/2), target 0, T = 1."""
    teacher = torch.tensor([[1 / 2, 1 / 3, 1 / 6]]).log()
    student = torch.tensor([[1 / 4, 1 / 4, 1 / 2]]).log()
    target, others = dkd_terms(student, teacher, torch.tensor([0]), 1.0)
    assert target.item() == pytest.approx(0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75))
    assert others.item() == pytest.approx(
        2 / 3 * math.log((2 / 3) / (1 / 3)) + 1 / 3 * math.log((1 / 3) / (2 / 3)), rel=1e-5
    )


@pytest.mark.parametrize("kd_temperature", [1.0, 4.0])
def test_decoupled_terms_add_up_to_plain_distillation(kd_temperature: float) -> None:
    """Equation 7 of the paper, image by image: KD = TCKD + (1 - p) NCKD."""
    students, teachers = random_logits()
    for image in range(len(students)):
        student, teacher = students[image : image + 1], teachers[image : image + 1]
        class_ = torch.tensor([image % 5])
        target, others = dkd_terms(student, teacher, class_, kd_temperature)
        doubt = 1 - functional.softmax(teacher / kd_temperature, 1)[0, image % 5]
        torch.testing.assert_close(
            target + doubt * others, kd_divergence(student, teacher, kd_temperature)
        )


def test_decoupling_keeps_what_a_sure_teacher_says_of_the_other_classes() -> None:
    sure = torch.tensor([[60.0, 2.0, 0.0]])  # 1 - p is 0 in float32
    student = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    target, others = dkd_terms(student, sure, torch.tensor([0]), 1.0)
    q = math.exp(2) / (math.exp(2) + 1)
    assert others.item() == pytest.approx(
        q * math.log(q / 0.5) + (1 - q) * math.log((1 - q) / 0.5), rel=1e-5
    )
    (target + others).backward()
    assert student.grad is not None and student.grad.isfinite().all()


def test_the_target_of_a_mixed_image_is_the_class_of_its_larger_share() -> None:
    student, teacher = random_logits(2)
    mixed = torch.tensor([[0.1, 0.3, 0.6, 0.0, 0.0], [0.92, 0.02, 0.02, 0.02, 0.02]])
    target, others = dkd_terms(student, teacher, torch.tensor([2, 0]), 4.0)
    assert Dkd(4.0, target_weight=1.5, non_target_weight=3.0)(
        student, teacher, mixed
    ).item() == pytest.approx((1.5 * target + 3 * others).item())


def test_relational_terms_are_one_minus_pearsons_correlation() -> None:
    student, teacher = random_logits()
    p, q = (functional.softmax(logits / 2.0, 1) for logits in (student, teacher))
    over_classes = torch.stack(
        [torch.corrcoef(torch.stack((p[image], q[image])))[0, 1] for image in range(8)]
    )
    over_images = torch.stack(
        [torch.corrcoef(torch.stack((p[:, column], q[:, column])))[0, 1] for column in range(5)]
    )
    inter, intra = dist_terms(student, teacher, 2.0)
    torch.testing.assert_close(inter, 4 * (1 - over_classes.mean()))
    torch.testing.assert_close(intra, 4 * (1 - over_images.mean()))
    whole = Dist(2.0, inter_weight=0.5, intra_weight=3.0)(student, teacher, torch.zeros(8, 5))
    torch.testing.assert_close(whole, 0.5 * inter + 3 * intra)


@pytest.mark.parametrize("divergence", [Kd(), Dkd(), Dist()], ids=lambda each: type(each).__name__)
def test_divergences_ignore_a_shift_of_the_teacher_and_vanish_where_both_agree(
    divergence: Any,
) -> None:
    student, teacher = random_logits()
    targets = functional.one_hot(torch.arange(8) % 5, 5).double()
    shifted = teacher - teacher.logsumexp(1, keepdim=True)
    torch.testing.assert_close(
        divergence(student, shifted, targets), divergence(student, teacher, targets)
    )
    assert divergence(student, teacher, targets) > 0.01
    assert divergence(teacher, shifted, targets).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (Kd, {"kd_temperature": 0.0}),
        (Dkd, {"target_weight": -1.0}),
        (Dkd, {"non_target_weight": -1.0}),
        (Dist, {"inter_weight": -1.0}),
    ],
)
def test_impossible_settings_are_refused(kind: type, setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(setting))}=.*distill.loss.divergence"):
        kind(**setting)


def test_z_scores_are_those_computed_by_hand() -> None:
    """(0, 3, 6): mean 3, deviation sqrt((9 + 0 + 9) / 3)."""
    expected = [-3 / math.sqrt(6), 0.0, 3 / math.sqrt(6)]
    assert standardised(torch.tensor([[0.0, 3.0, 6.0]]))[0].tolist() == pytest.approx(
        expected, rel=1e-6
    )


def test_standardised_logits_are_softened_by_the_base_temperature() -> None:
    """Two classes have z-scores of 1 and -1, whatever their logits: at T = 2 odds of e."""
    student, teacher = torch.tensor([[100.0, 99.0]]), torch.tensor([[-5.0, 3.0]])
    p = 1 / (1 + math.exp(-1))
    by_hand = 2.0**2 * ((1 - p) * math.log((1 - p) / p) + p * math.log(p / (1 - p)))
    targets = torch.tensor([[1.0, 0.0]])
    assert Kd(2.0, standardise=True)(student, teacher, targets).item() == pytest.approx(
        by_hand, rel=1e-5
    )
    assert Kd(2.0, standardise=True, weight=9)(student, teacher, targets).item() == pytest.approx(
        9 * by_hand, rel=1e-5
    )
    # The whole of DKD is then TCKD: beside the target there is one class, and nothing to compare
    assert Dkd(2.0, 1.0, 8.0, standardise=True)(student, teacher, targets).item() == pytest.approx(
        by_hand, rel=1e-5
    )


@pytest.mark.parametrize(
    "divergence",
    [Kd(2.0, standardise=True), Dkd(2.0, standardise=True)],
    ids=lambda each: each.name,
)
def test_standardised_logits_may_have_any_size_and_shift(divergence: Kd | Dkd) -> None:
    """Only the relations count: half as large logits, and logarithms of probabilities, say the
    same.
    """
    torch.manual_seed(0)
    teacher, targets = 3 * torch.randn(8, 10), torch.eye(10)[:8]
    for same in (0.5 * teacher - 7, functional.log_softmax(teacher, 1)):
        assert divergence(same, teacher, targets).item() == pytest.approx(0, abs=1e-5)
    assert divergence(-teacher, teacher, targets).item() > 1
    plain = replace(divergence, standardise=False)
    assert plain(0.5 * teacher - 7, teacher, targets).item() > 0.1


def test_logits_that_are_all_equal_have_a_finite_gradient() -> None:
    student = torch.zeros(2, 5, requires_grad=True)
    Kd(2.0, standardise=True)(student, torch.randn(2, 5), torch.eye(5)[:2]).backward()
    assert student.grad is not None and student.grad.isfinite().all()


def test_the_name_says_what_was_compared() -> None:
    each = (Kd(), Kd(standardise=True), Dkd(), Dkd(standardise=True), Dist())
    assert [divergence.name for divergence in each] == [
        "Kd",
        "Kd-standardised",
        "Dkd",
        "Dkd-standardised",
        "Dist",
    ]
