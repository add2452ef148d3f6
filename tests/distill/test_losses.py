import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lmanet.distill import Kd, KnowledgeDistillation
from lmanet.errors import ConfigError
from lmanet.steps import Batch

STUDENT = torch.zeros(2, 2)
# A teacher that gives odds of 3 : 1 at T = 10, in the second image the other way round
TAUGHT = torch.tensor([[10 * math.log(3), 0.0], [0.0, 10 * math.log(3)]])
BATCH = Batch(torch.zeros(2, 3, 4, 4), torch.eye(2), torch.arange(2), 0)


def taught(batch: Batch) -> Tensor:
    return TAUGHT


@pytest.mark.parametrize(
    ("progress", "kd_weight"), [(0.0, 0.6), (0.25, 0.5), (0.5, 0.4), (1.0, 0.2)]
)
def test_the_teachers_weight_falls_in_a_straight_line(progress: float, kd_weight: float) -> None:
    """Defect 5: the weight went the other way and compounded each epoch."""
    loss = KnowledgeDistillation(taught, Kd(10.0))
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    for _ in range(3):  # asked again, it says the same
        assert loss.kd_weight(progress) == pytest.approx(kd_weight)
    assert loss(STUDENT, BATCH, progress).item() == pytest.approx(
        (1 - kd_weight) * math.log(2) + kd_weight * 100 * by_hand
    )


def test_what_a_teacher_says_of_mixed_images_is_mixed_as_they_are() -> None:
    mixing = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    loss = KnowledgeDistillation(taught, Kd(10.0), 1.0, 1.0)
    together = (mixing @ TAUGHT.softmax(1)).log()
    assert loss(STUDENT, BATCH._replace(mixing=mixing), 0.0).item() == pytest.approx(
        Kd(10.0)(STUDENT, together, BATCH.targets).item()
    )


@pytest.mark.parametrize("settings", [{"kd_weight_start": 1.5}, {"kd_weight_end": -0.1}], ids=str)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(settings))}.*distill.loss"):
        KnowledgeDistillation(taught, Kd(), **settings)
