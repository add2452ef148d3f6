"""Real digits, few of them, a network, a teacher and recipes that take seconds."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from recipes import sgd, small_recipe

from lmanet.data import Mnist5k, Split
from lmanet.distill import TeacherSource
from lmanet.network import Architecture, parse_architecture
from lmanet.train import Recipe

STAGE = {
    "block": "depthwise",
    "kernel": 3,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
    "layers": 1,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def architecture() -> Architecture:
    stages = [{**STAGE, "channels": 16, "stride": 2}, {**STAGE, "channels": 32, "stride": 2}]
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    return parse_architecture({"resolution": 32, "stem": stem, "stages": stages})


@pytest.fixture
def data() -> Mnist5k:
    made = Mnist5k(Split(val_fraction=0.1, max_train_images=640))
    made.setup("fit")
    return made


@pytest.fixture
def source() -> TeacherSource:
    return TeacherSource("test_resnet", resolution=32)


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    return partial(small_recipe, optimizer=sgd(0.05))
