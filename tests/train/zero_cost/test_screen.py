"""ZeroCost and the trainers' screen: the same values for the same seed, finite ones, and nothing
moved that others rely on.
"""

import gc

import numpy as np
import pytest
import torch

from lmanet.errors import ConfigError, TrainingError
from lmanet.space import load_space
from lmanet.train import Trainer, ZeroCost
from lmanet.train.zero_cost import PROXIES, screen

pytestmark = pytest.mark.slow  # trains

EVERY = tuple(PROXIES)
LABELS = torch.arange(8) % 2


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_seed_gives_one_result_and_moves_no_random_numbers(architecture, images):
    state = torch.get_rng_state()
    first = ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(7)
    assert ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed=0) == first
    other = ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed=1)
    assert {name for name in EVERY if other[name] == first[name]} == {"params", "macs", "depth"}


def test_a_proxy_says_the_same_alone_and_among_others(architecture, images):
    together = ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed=3)
    for name in EVERY:
        assert ZeroCost([name]).measure(architecture, 2, images, LABELS, seed=3) == {
            name: together[name]
        }


@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_values_are_finite_in_the_whole_space(space, images):
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = load_space(space).sample(rng)
        stages = tuple(
            stage.model_copy(update={"layers": 1, "channels": min(stage.channels, 64)})
            for stage in drawn.stages
        )
        small = drawn.model_copy(update={"resolution": 16, "stages": stages})
        # else it raises
        assert set(ZeroCost(EVERY).measure(small, 2, images, LABELS, seed=0)) == set(EVERY)


def test_a_value_that_is_not_finite_is_an_error(monkeypatch, architecture, images):
    monkeypatch.setitem(screen.PROXIES, "depth", lambda network, images, labels: float("nan"))
    with pytest.raises(TrainingError, match="not finite: depth=nan"):
        ZeroCost(["params", "depth"]).measure(architecture, 2, images, LABELS, seed=0)


def test_nothing_is_left_in_memory(architecture, images):
    def tensors() -> int:
        gc.collect()
        return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())

    ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed=0)
    before = tensors()
    for seed in range(3):
        ZeroCost(EVERY).measure(architecture, 2, images, LABELS, seed)
    assert tensors() == before


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="grasp given; legal are params, macs"):
        ZeroCost(["params", "grasp"])
    with pytest.raises(ConfigError, match="none given"):
        ZeroCost([])
    with pytest.raises(ConfigError, match="at least 2"):
        ZeroCost(["params"], images=1)


def test_a_trainer_screens_with_its_training_images(data, make_recipe, architecture):
    trainer = Trainer(data, make_recipe(), ZeroCost(EVERY, images=32))
    values = trainer.screen(architecture, seed=0)
    assert set(values) == set(EVERY) and trainer.screen(architecture, seed=0) == values
    assert (
        ZeroCost(["zico"], images=32).measure(
            architecture, 10, torch.zeros(32, 3, 32, 32), torch.zeros(32).long(), 0
        )["zico"]
        != values["zico"]
    )
    with pytest.raises(ConfigError, match="no proxies are named; set zero_cost in conf/train"):
        Trainer(data, make_recipe()).screen(architecture, seed=0)
