"""What a training says that is off, in its score."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from lmanet.data import Mnist5k
from lmanet.network import Architecture
from lmanet.train import Recipe, Trainer
from lmanet.train.checks import notices


class Constant(nn.Module):
    """Says the same of every image."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.arange(10.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.bias.expand(len(images), 10)


def test_predictions_all_of_one_class_are_said(
    data: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    trainer = Trainer(data, make_recipe(epochs=5, optimizer=partial(torch.optim.SGD, lr=1e-6)))
    score = trainer.fit(Constant(), 0)
    assert score.predicted_classes == 1
    assert [notice.kind for notice in score.notices] == ["one_class"]
    assert "one class for all validation images" in score.notices[0].text


def test_fewer_than_a_hundred_steps_are_said(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    score = Trainer(data, make_recipe(epochs=2)).fit(
        Trainer(data, make_recipe()).build(architecture, 0), 0
    )
    assert score.predicted_classes and score.predicted_classes > 1
    assert [notice.kind for notice in score.notices] == ["few_steps"]
    assert "40 steps (epochs=2 of 20 batches each), fewer than 100" in score.notices[0].text


def test_a_training_of_a_hundred_steps_says_nothing() -> None:
    assert not list(notices(10, epochs=5, batches=20))
    assert not list(notices(None, epochs=5, batches=20)), (
        "not known of a checkpoint of an older version"
    )


def test_the_texts_are_the_same_for_all_candidates() -> None:
    assert list(notices(1, 3, 5)) == list(notices(1, 3, 5)) and len(list(notices(1, 3, 5))) == 2
