from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from lmanet.data import Mnist5k
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.run.records import Job
from lmanet.train import Recipe, Step, Trainer, WarmupCosine
from lmanet.train.schedules import Schedule


def test_step_divides_by_ten_each_ten_epochs() -> None:
    schedule = Step(every_epochs=10)
    assert [schedule(epoch, 30) for epoch in (0, 9.99, 10, 19.99, 20, 29.99)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_warm_up_and_cosine_of_the_paper() -> None:
    schedule = WarmupCosine(warmup_epochs=20)
    at = [schedule(epoch, 120) for epoch in (0, 10, 20, 45, 70, 95, 120)]
    assert at == pytest.approx([0, 0.5, 1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)


def test_a_warm_up_that_never_ends_is_refused(make_recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(ConfigError, match=r"warmup_epochs=5 must be below epochs=3"):
        make_recipe(schedule=WarmupCosine(5))


class _RatesSeen(torch.optim.SGD):
    """Notes the learning rate that each step really uses."""

    seen: list[float]

    def step(self, closure: Any = None) -> Any:
        self.seen.append(self.param_groups[0]["lr"])
        return super().step(closure)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (WarmupCosine(1), [0.0, 0.25, 0.5, 0.4267767, 0.25, 0.0732233]),
        (Step(1), [0.5, 0.5, 0.05, 0.05, 0.005, 0.005]),
    ],
    ids=["warm-up and cosine", "step"],
)
def test_the_optimizer_is_given_the_schedule_at_every_step(
    schedule: Schedule,
    expected: list[float],
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
) -> None:
    """Defect 4: a schedule made for steps was moved once an epoch."""
    _RatesSeen.seen = []
    # two steps an epoch
    recipe = make_recipe(schedule=schedule, optimizer=partial(_RatesSeen, lr=0.5), batch_size=320)
    Trainer(data, recipe).train(Job(number=0, architecture=architecture, seed=0))
    assert _RatesSeen.seen == pytest.approx(expected)
