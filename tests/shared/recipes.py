"""A training that takes a second or two."""

from functools import partial
from typing import Any

import torch

from lmanet.data import Augment
from lmanet.train import Recipe, WarmupCosine


def sgd(peak: float) -> Any:
    """What a recipe makes its optimizer of, by the peak of its learning rate."""
    return partial(torch.optim.SGD, lr=peak, momentum=0.9, nesterov=True)


def small_recipe(**changes: Any) -> Recipe:
    """Two short epochs, but for what is given."""
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 32,
        "optimizer": sgd(0.1),
        "schedule": WarmupCosine(0.5),
        "augment": Augment(crop_padding=2),
        "accelerator": "cpu",
    }
    return Recipe(**{**settings, **changes})
