import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmanet.distill import KnowledgeDistillation
from lmanet.distill.losses import distillation_divergence
from lmanet.errors import ConfigError

IMAGES = torch.zeros(2, 3, 4, 4)
STUDENT = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
# A teacher that gives odds of 3 : 1 at T = 10, in the second image the other way round
TAUGHT = torch.tensor([[10 * math.log(3), 0.0], [0.0, 10 * math.log(3)]])


class Fixed(nn.Module):
    """A teacher that says the same of all images."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, images: Tensor) -> Tensor:
        return self.logits


def test_divergence_is_a_mean_over_the_batch_times_the_square_of_the_temperature() -> None:
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)  # KL((3/4, 1/4) || (1/2, 1/2)), for either image
    assert distillation_divergence(STUDENT, TAUGHT, 10.0).item() == pytest.approx(100 * by_hand)
    assert distillation_divergence(STUDENT.repeat(5, 1), TAUGHT.repeat(5, 1), 10.0).item() == pytest.approx(100 * by_hand)


def test_divergence_goes_from_student_to_teacher_and_not_back() -> None:
    student = torch.tensor([[math.log(9), 0.0]])  # (0.9, 0.1), teacher (0.75, 0.25)
    teacher = torch.tensor([[math.log(3), 0.0]])
    by_hand = 0.75 * math.log(0.75 / 0.9) + 0.25 * math.log(0.25 / 0.1)
    assert distillation_divergence(student, teacher, 1.0).item() == pytest.approx(by_hand)
    assert distillation_divergence(teacher, teacher, 7.0).item() == pytest.approx(0.0, abs=1e-6)


def test_temperature_leaves_the_size_of_the_gradient() -> None:
    sizes = []
    for kd_temperature in (10.0, 100.0):
        student = torch.tensor([[0.3, -0.2]], requires_grad=True)
        distillation_divergence(student, torch.tensor([[1.0, -1.0]]), kd_temperature).backward()  # type: ignore[no-untyped-call]
        assert student.grad is not None
        sizes.append(student.grad.norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


@pytest.mark.parametrize(("progress", "kd_weight"), [(0.0, 0.6), (0.25, 0.5), (0.5, 0.4), (1.0, 0.2)])
def test_the_teachers_weight_falls_in_a_straight_line(progress: float, kd_weight: float) -> None:
    """Defect 5: the weight went the other way and compounded each epoch."""
    loss = KnowledgeDistillation(Fixed(TAUGHT), kd_temperature=10)
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    for _ in range(3):  # asked again, it says the same
        assert loss.kd_weight(progress) == pytest.approx(kd_weight)
    given = loss(STUDENT, TARGETS, IMAGES, progress).item()
    assert given == pytest.approx((1 - kd_weight) * math.log(2) + kd_weight * 100 * by_hand)


def test_the_teacher_is_frozen_and_only_the_student_gets_a_gradient() -> None:
    teacher, student = Fixed(TAUGHT), STUDENT.clone().requires_grad_()
    loss = KnowledgeDistillation(teacher)
    loss(student, TARGETS, IMAGES, 0.5).backward()  # type: ignore[no-untyped-call]
    assert not teacher.training and not teacher.logits.requires_grad and teacher.logits.grad is None
    assert student.grad is not None and student.grad.abs().sum() > 0


@pytest.mark.parametrize("settings", [{"kd_temperature": 0.0}, {"kd_weight_start": 1.5}, {"kd_weight_end": -0.1}], ids=str)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(settings))}.*distill.loss"):
        KnowledgeDistillation(Fixed(TAUGHT), **settings)
