"""What helps where pictures are few or classes unequal: passes in place of epochs, an early end,
k-fold validation, weights of classes, a donor.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lmanet.data import Mnist5k, Split
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.records import Job
from lmanet.train import FullTraining, Recipe, Trainer
from lmanet.train.measures import class_weights

CPU = torch.device("cpu")


@pytest.fixture
def few() -> Mnist5k:
    return Mnist5k(Split(val_fraction=0.1, max_train_images=100))


def test_passes_are_the_epochs_of_a_longer_training(
    few: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(batch_size=50)
    single = Trainer(few, recipe).batches(seed=4)
    double = single.repeated(2)
    double.set_epoch(1)  # passes 2 and 3
    seen = [batch.images for batch in double]
    for number in (2, 3):
        single.set_epoch(number)
        for batch in single:
            assert torch.equal(batch.images, seen.pop(0))
    assert not seen and len(double) == 2 * len(single)


def test_a_teacher_is_asked_of_each_pass(few: Mnist5k, make_recipe: Callable[..., Recipe]) -> None:
    assert Trainer(few, make_recipe(epochs=4, repeats=3)).views == 12
    assert Trainer(few, make_recipe(epochs=4, repeats=3, views=5)).views == 5


def test_weights_of_classes_are_inverse_to_their_counts() -> None:
    weights = class_weights([90, 10], 1.0)
    assert weights[1] / weights[0] == pytest.approx(9)
    assert 90 * weights[0] + 10 * weights[1] == pytest.approx(100)
    assert class_weights([90, 10], 0.0) == (1.0, 1.0)
    assert class_weights([90, 10], 0.5)[1] / class_weights([90, 10], 0.5)[0] == pytest.approx(3)


@pytest.mark.parametrize("given", [{"balance": 2}, {"repeats": 0}, {"patience": 0}, {"folds": 0}])
def test_a_setting_out_of_range_is_refused(
    given: dict[str, Any], make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match="correct the recipe"):
        make_recipe(**given)


def test_folds_do_not_go_with_inherited_weights_nor_with_a_full_training(
    few: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(folds=3)
    with pytest.raises(ConfigError, match=r"folds=3 with train.mini.inherit=parent"):
        Trainer(few, recipe, inherit="parent")
    with pytest.raises(ConfigError, match=r"folds=3: a full training gives one network"):
        FullTraining(Trainer(few, recipe), 0)


@pytest.mark.slow
def test_a_training_ends_early_once_validation_is_no_better(
    few: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    # nothing is learned, so that the losses do not fall
    recipe = make_recipe(epochs=20, patience=2, optimizer=lambda groups: torch.optim.SGD(groups, 0))
    trainer = Trainer(few, replace(recipe, augment=None, batch_norm_images=0))
    network = trainer.build(architecture, 0)
    score = trainer.fit(network, 0, folder=tmp_path)
    losses = [epoch.val_loss for epoch in score.curve]
    assert 3 <= len(losses) < 20
    assert min(losses[-2:]) >= min(losses[:-2])
    assert trainer.fit(network, 0, folder=tmp_path) == score  # one that was over is not done again


@pytest.mark.slow
def test_a_candidate_is_validated_on_every_image_once_and_may_pause(
    few: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = Trainer(few, make_recipe(epochs=2, folds=3))
    job = Job(number=0, architecture=architecture, seed=0)
    whole = trainer.train(job)
    few.setup("fit")
    assert whole.val_images == len(few.pool) and len(whole.fold_accuracies) == 3
    assert whole.val_accuracy == pytest.approx(sum(whole.fold_accuracies) / 3, abs=0.001)
    assert whole.epochs == 2 and whole.val_balanced_accuracy is not None
    trainer.train(job.model_copy(update={"epochs": 1, "folder": tmp_path}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold_0", "fold_1", "fold_2"]
    again = trainer.train(job.model_copy(update={"folder": tmp_path}))
    assert again.fold_accuracies == pytest.approx(whole.fold_accuracies)


@pytest.mark.slow
def test_weights_of_classes_lift_a_rare_class(
    architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    class Unequal(Mnist5k):
        """One in sixteen of the odd digits."""

        def read_train(self) -> Any:
            images = super().read_train()
            rare = (images.labels % 2 == 1) & (torch.arange(len(images)) % 16 > 0)
            return images.subset((~rare).nonzero().flatten())

    def balanced(balance: float) -> float:
        recipe = make_recipe(epochs=4, balance=balance, augment=None)
        data = Unequal(Split(val_fraction=0.3, max_train_images=640))
        score = Trainer(data, recipe).train(Job(number=0, architecture=architecture, seed=0))
        return score.val_balanced_accuracy or 0.0

    assert balanced(1.0) > balanced(0.0) + 0.05


@pytest.mark.slow
def test_a_donor_of_other_classes_is_a_better_start(
    few: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    """The donor is trained on the same digits under other names, so that no row is taken over."""
    many = Trainer(Mnist5k(Split(max_train_images=2000)), make_recipe(epochs=4))
    network = many.build(architecture, 9)
    many.fit(network, 9)
    names = tuple(f"other {name}" for name in few.classes)
    save_network(tmp_path / "donor.safetensors", Checkpoint(network, names, few.mean, few.std))
    job = Job(number=0, architecture=architecture, seed=0)
    recipe = make_recipe(epochs=6)
    fresh = Trainer(few, recipe).train(job)
    given = Trainer(few, recipe, donor=str(tmp_path / "donor.safetensors")).train(job)
    assert given.val_accuracy > fresh.val_accuracy + 0.05


def test_a_donor_that_is_missing_is_said_before_any_training(
    few: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match=r"no checkpoint at nowhere, and no network of that name"):
        Trainer(few, make_recipe(), donor="nowhere")
