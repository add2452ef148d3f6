"""Batch norm's averages after few steps: what they are, who has them, and what a training is worth
with them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

from lmanet.data import Mnist5k, Split
from lmanet.data.images import MemoryImages
from lmanet.distill import TeacherSource
from lmanet.network import Architecture, parse_architecture
from lmanet.run.records import Job, Score
from lmanet.steps import Batch
from lmanet.train import Recipe, Trainer
from lmanet.train.batch_norm import NormAverages

pytestmark = pytest.mark.slow  # trains

CONF = Path(__file__).parents[2] / "conf"
STAGE = {
    "block": "mbconv",
    "kernel": 3,
    "expansion": 2,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
    "layers": 1,
    "stride": 2,
}


class Numbers:
    """Batches of four images, the first of which are all 0, the second all 1, and so on."""

    def __init__(self) -> None:
        self.read = 0

    def set_epoch(self, epoch: int) -> None:
        pass

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Batch]:
        for number in range(len(self)):
            self.read += 4
            images = torch.full((4, 3, 2, 2), number, dtype=torch.uint8)
            images[0] += 4
            yield Batch(images, torch.zeros(4, 2), torch.arange(4), 0)


class FourDigits(Mnist5k):
    """370 training images of four classes."""

    num_classes = 4
    classes = ("0", "1", "2", "3")

    def __init__(self) -> None:
        super().__init__(Split(val_fraction=0.2, max_train_images=370))

    def read_train(self) -> MemoryImages:
        whole = super().read_train()
        return whole.subset((whole.labels < 4).nonzero().flatten())


def norm_of_inputs() -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.Flatten(), nn.Linear(12, 2)).eval()


def candidates() -> list[Architecture]:
    """Three that differ in width alone."""
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    stages = [
        [{**STAGE, "channels": width}, {**STAGE, "channels": 2 * width}] for width in (8, 16, 24)
    ]
    return [parse_architecture({"resolution": 32, "stem": stem, "stages": each}) for each in stages]


def trained(recipe: Recipe) -> list[Score]:
    trainer = Trainer(FourDigits(), recipe)
    return [trainer.train(Job(number=0, architecture=each, seed=0)) for each in candidates()]


def test_the_averages_are_the_means_over_the_batches_and_no_weight_changes() -> None:
    network = norm_of_inputs()
    weights = {name: tensor.clone() for name, tensor in network.named_parameters()}
    network[0].running_mean.fill_(99.0)
    NormAverages(Numbers(), 12, torch.Tensor.float).update(network)
    assert network[0].running_mean.tolist() == pytest.approx([2.0] * 3)
    assert network[0].running_var.tolist() == pytest.approx([3.2] * 3)
    assert network[0].momentum == 0.1 and not any(module.training for module in network.modules())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.named_parameters())


@pytest.mark.parametrize(("images", "read"), [(0, 0), (1, 4), (4, 4), (7, 4), (8, 8), (1000, 12)])
def test_whole_batches_are_read_up_to_the_number_of_images(images: int, read: int) -> None:
    batches = Numbers()
    NormAverages(batches, images, torch.Tensor.float).update(norm_of_inputs())
    assert batches.read == read


def test_a_network_without_batch_norm_reads_no_image_and_takes_no_time() -> None:
    batches = Numbers()
    averages = NormAverages(batches, 1024, torch.Tensor.float)
    averages.update(nn.Sequential(nn.Flatten(), nn.LayerNorm(12), nn.Linear(12, 2)))
    assert batches.read == 0 and averages.seconds == 0.0


@pytest.mark.parametrize(("name", "has"), [("test_resnet", True), ("test_vit", False)])
def test_a_teacher_pays_where_it_has_batch_norm(name: str, has: bool, data: Mnist5k) -> None:
    teacher = TeacherSource(name, resolution=32 if has else None).build(data)[0]
    before = {name: tensor.clone() for name, tensor in teacher.named_buffers()}
    averages = NormAverages(Numbers(), 8, lambda images: images.float().repeat(1, 1, 16, 16))
    averages.update(teacher)
    assert (averages.seconds > 0) == has
    assert (
        any(not torch.equal(tensor, before[name]) for name, tensor in teacher.named_buffers())
        == has
    )


def test_after_three_epochs_of_370_images_candidates_differ_and_are_above_chance(
    make_recipe: Callable[..., Recipe],
) -> None:
    few_steps = {"batch_size": 64, "augment": None, "dropout": 0.0}
    before = trained(make_recipe(**few_steps, batch_norm_images=0))
    after = trained(make_recipe(**few_steps))
    assert all(score.val_accuracy < 0.45 for score in before), (
        "the averages of 15 steps are those of other weights"
    )
    assert all(score.val_accuracy > 0.6 for score in after)
    assert len({score.val_accuracy for score in after}) == 3
    for first, second in zip(before, after, strict=True):
        assert [epoch.train_loss for epoch in first.curve] == [
            epoch.train_loss for epoch in second.curve
        ]


@pytest.mark.parametrize("option", ["cpu", "paper", "quick"])
def test_the_recipes_of_a_search_name_it_so_that_its_trials_share_it(option: str) -> None:
    recipes = yaml.safe_load((CONF / "train" / f"{option}.yaml").read_text())
    assert {recipes[kind]["recipe"]["batch_norm_images"] for kind in ("mini", "full")} == {
        Recipe.batch_norm_images
    }


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_training_that_paused_has_the_same_bits_at_its_end(
    ema_decay: float | None,
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    trainer = Trainer(data, make_recipe(epochs=3, ema_decay=ema_decay))
    whole, paused = trainer.build(architecture, 0), trainer.build(architecture, 0)
    trainer.fit(whole, 0)
    for stop in (1, 2, None):
        trainer.fit(paused, 0, folder=tmp_path, epochs=stop)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(paused.state_dict()[name], tensor), name


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_the_network_that_is_kept_has_averages_of_its_own_weights(
    ema_decay: float | None,
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
) -> None:
    trainer = Trainer(data, make_recipe(epochs=1, ema_decay=ema_decay))
    network = trainer.build(architecture, 0)
    score = trainer.fit(network, 0)
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    mean, std = (torch.tensor(channels).view(3, 1, 1) for channels in (data.mean, data.std))

    def prepare(images: Tensor) -> Tensor:
        return nn.functional.interpolate(
            (images / 255 - mean) / std, 32, mode="bilinear", antialias=True
        )

    NormAverages(data.train_dataloader(32), 1024, prepare).update(network)
    for name, tensor in network.state_dict().items():
        assert torch.allclose(tensor, kept[name], rtol=1e-3, atol=1e-4), name
    assert trainer.validate(network).val_accuracy == pytest.approx(score.val_accuracy, abs=0.01)


def test_the_seconds_are_recorded_over_pauses(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = Trainer(data, make_recipe(epochs=2))
    job = Job(number=0, architecture=architecture, seed=0, folder=tmp_path)
    first = trainer.train(job.model_copy(update={"epochs": 1}))
    whole = trainer.train(job)
    assert first.batch_norm_seconds and whole.batch_norm_seconds
    assert 0 < first.batch_norm_seconds < whole.batch_norm_seconds < whole.seconds
    assert (
        Trainer(data, make_recipe(epochs=1, batch_norm_images=0))
        .train(Job(number=0, architecture=architecture, seed=0))
        .batch_norm_seconds
        == 0
    )
