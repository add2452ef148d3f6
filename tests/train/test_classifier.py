from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmanet.data import Augment, Mnist5k
from lmanet.network import Architecture, load_architecture
from lmanet.network.build import build
from lmanet.network.images import fit, normalise
from lmanet.steps import Batch
from lmanet.train import Classifier, Recipe, Task, Trainer, cross_entropy

pytestmark = pytest.mark.slow  # trains

TASK = Task(10, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))


class _Listener:
    """A loss that keeps what it was given."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.mixing: list[Tensor | None] = []
        self.progress: list[float] = []

    def __call__(self, logits: Tensor, batch: Batch, progress: float) -> Tensor:
        self.images.append(batch.images)
        self.targets.append(batch.targets)
        self.mixing.append(batch.mixing)
        self.progress.append(progress)
        return cross_entropy(logits, batch, progress)


class _Inputs(nn.Module):
    """Keeps what it is given, by mode."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 10)
        self.trained: list[Tensor] = []
        self.validated: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        (self.trained if self.training else self.validated).append(images.detach().clone())
        return self.linear(images.mean((2, 3)))


def test_pixels_are_normalised(make_recipe: Callable[..., Recipe]) -> None:
    classifier = Classifier(nn.Identity(), TASK, make_recipe())
    white = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    assert classifier.normalise(white)[0, :, 0, 0].tolist() == pytest.approx([1.0, 3.0, 1.0])


@pytest.mark.parametrize("size", [20, 28, 40])
def test_bytes_are_resized_before_they_are_normalised_as_on_the_board(
    size: int, data: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    loss, network = _Listener(), _Inputs()
    network.input_resolution = size
    Trainer(data, make_recipe(augment=None, epochs=1)).fit(network, 0, loss)
    expected = normalise(fit(data.val_images.images, size), data.mean, data.std)
    assert torch.equal(torch.cat(network.validated), expected)
    trained = fit(data.train_images.images, size)
    means = normalise(trained, data.mean, data.std).mean((1, 2, 3)).sort().values
    torch.testing.assert_close(
        torch.cat(network.trained)[:640].mean((1, 2, 3)).sort().values, means
    )
    assert loss.images[0].shape[-1] == 28  # a teacher resizes for itself


def test_mixed_images_are_resized_without_rounding(make_recipe: Callable[..., Recipe]) -> None:
    classifier = Classifier(build(load_architecture("qwnet_core"), 10), TASK, make_recipe())
    mixed = 255 * torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(
        classifier.read(mixed), normalise(fit(mixed, 160), TASK.mean, TASK.std)
    )


def test_a_network_that_reads_frames_is_given_them_as_they_are(
    make_recipe: Callable[..., Recipe],
) -> None:
    class Board(nn.Identity):
        reads_frames = True

    frame = torch.randint(0, 256, (1, 3, 24, 32), dtype=torch.uint8)
    assert torch.equal(Classifier(Board(), TASK, make_recipe()).read(frame), frame)


@pytest.mark.parametrize("size", [32, 160, 224])
def test_a_network_is_given_images_of_its_resolution(
    size: int, make_recipe: Callable[..., Recipe]
) -> None:
    network = build(load_architecture("qwnet_core"), 10).eval()
    sizes: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda module, inputs: sizes.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        Classifier(network, TASK, make_recipe())(torch.zeros(1, 3, size, size))
    assert sizes == [(1, 3, 160, 160)]


def test_shrinking_is_antialiased(
    architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    network = build(architecture, 10).eval()
    seen: list[Tensor] = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    stripes = torch.zeros(1, 3, 128, 128)
    stripes[..., ::4] = 1.0  # a quarter: without antialiasing all of it or none
    with torch.no_grad():
        Classifier(network, TASK, make_recipe())(stripes)
    assert torch.allclose(seen[0][..., 4:-4, 4:-4], torch.tensor(0.25), atol=0.02)


def test_targets_are_smoothed_and_mixed_and_progress_runs_from_0_to_1(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    loss, trainer = (
        _Listener(),
        Trainer(data, make_recipe(augment=None, label_smoothing=0.1, epochs=2)),
    )
    trainer.fit(trainer.build(architecture, 0), 0, loss)
    targets = torch.cat(loss.targets)
    assert targets.max().item() == pytest.approx(0.91) and targets.min().item() == pytest.approx(
        0.01
    )
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    assert loss.progress == pytest.approx([step / 40 for step in range(40)])
    # as the data gave them, for a teacher resizes on its own
    assert loss.images[0].shape == (
        32,
        3,
        28,
        28,
    )


@pytest.mark.parametrize("kind", ["mixup_strength", "cutmix_strength"])
def test_views_that_come_again_are_mixed_anew_and_the_loss_knows_how(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], kind: str
) -> None:
    listeners = _Listener(), _Listener()
    for loss, again in zip(listeners, (None, Augment(**{kind: 1.0})), strict=True):
        recipe = make_recipe(augment=None, epochs=2, views=1, again=again)
        trainer = Trainer(data, recipe)
        trainer.fit(trainer.build(architecture, 0), 0, loss)
    alone, mixed = listeners
    steps = len(alone.images) // 2
    assert torch.equal(alone.images[0], alone.images[steps]), "the view has come again"
    assert alone.mixing[0] is None and not torch.equal(mixed.mixing[0], mixed.mixing[steps])
    for one, other, mixing in zip(alone.images, mixed.images, mixed.mixing, strict=True):
        assert torch.allclose(mixing.sum(1), torch.ones(len(mixing)))
        if kind == "mixup_strength":
            together = torch.einsum("ij,jchw->ichw", mixing, one)
            torch.testing.assert_close(other, together, atol=2e-3, rtol=1e-3)
    for one, other, mixing in zip(alone.targets, mixed.targets, mixed.mixing, strict=True):
        torch.testing.assert_close(other, mixing @ one)


def test_augmentation_acts_in_training_and_never_in_validation(
    data: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    """Defect 1: a transform set for validation was set for training too."""
    strong = Augment(
        crop_padding=4,
        auto_augment="cifar10",
        random_erasing=1.0,
        mixup_strength=1.0,
        cutmix_strength=1.0,
    )
    data.setup("fit")
    before = data.val_images.images.clone()
    trained, validated = {}, {}
    for name, augment in (("none", None), ("strong", strong)):
        loss, network = _Listener(), _Inputs()
        Trainer(data, make_recipe(augment=augment, epochs=2)).fit(network, 0, loss)
        trained[name], validated[name] = torch.cat(loss.images), torch.cat(network.validated)
    assert torch.equal(data.val_images.images, before)
    assert torch.equal(validated["none"], validated["strong"])
    for epoch in (
        trained["none"][:640],
        trained["none"][640:],
    ):  # both epochs, so after a validation too
        assert len(epoch) == 640
    for half in (slice(0, 640), slice(640, 1280)):
        same = (trained["none"][half] == trained["strong"][half]).flatten(1).all(1)
        assert same.float().mean() < 0.01


def test_measures_are_those_of_torchmetrics_by_hand(
    make_recipe: Callable[..., Recipe], data: Mnist5k
) -> None:
    class Sure(nn.Module):
        """Says 3 with probability 0.9 whatever it sees."""

        def forward(self, images: Tensor) -> Tensor:
            logits = torch.full((len(images), 10), 0.1 / 9).log()
            logits[:, 3] = torch.tensor(0.9).log()
            return logits

    score = Trainer(data, make_recipe()).validate(Sure())
    assert score.val_accuracy == pytest.approx(0.1)  # the digits are balanced
    assert score.val_macro_f1 == pytest.approx((2 * 0.1 / 1.1) / 10)
    assert score.val_calibration_error == pytest.approx(0.8, abs=1e-5)


def test_only_the_network_is_in_state_and_optimizer(
    make_recipe: Callable[..., Recipe], architecture: Architecture
) -> None:
    seen: list[Any] = []
    recipe = make_recipe(
        optimizer=lambda groups: seen.extend(groups) or torch.optim.SGD(groups, lr=0.1)
    )
    network = build(architecture, 10)
    classifier = Classifier(network, TASK, recipe)
    assert set(classifier.state_dict()) == {f"network.{name}" for name in network.state_dict()}


def test_the_average_of_the_weights_is_validated_and_kept(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    steps: list[Tensor] = []

    class Steps(torch.optim.SGD):
        """Keeps the weights of the classifier after each step."""

        def step(self, closure: Any = None) -> Any:
            loss = super().step(closure)
            steps.append(self.param_groups[0]["params"][-1].detach().clone())
            return loss

    recipe = make_recipe(epochs=1, ema_decay=0.9, optimizer=partial(Steps, lr=0.1))
    trainer = Trainer(data, recipe)
    network = trainer.build(architecture, 0)
    score = trainer.fit(network, 0)
    average = steps[0]
    for number, weights in enumerate(steps[1:], 1):
        decay = min(1 - (1 + number) ** (-2 / 3), 0.9)  # timm's warm-up
        average = average * decay + weights * (1 - decay)
    kept = [each for each in network.parameters() if each.ndim > 1][-1]
    assert torch.allclose(kept, average, atol=1e-6) and not torch.allclose(
        kept, steps[-1], atol=1e-4
    )
    assert trainer.validate(network).val_accuracy == score.val_accuracy


@pytest.mark.parametrize("decay_norms", [False, True])
def test_weight_decay_leaves_norms_and_biases(
    decay_norms: bool, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    network = build(architecture, 10)
    recipe = make_recipe(
        optimizer=partial(torch.optim.SGD, lr=1.0, weight_decay=0.1), decay_norms=decay_norms
    )
    optimizer = recipe.optimizer(list(Classifier(network, TASK, recipe).parameter_groups()))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
        parameter.data.fill_(1.0)
    optimizer.step()
    for parameter in network.parameters():
        decayed = decay_norms or parameter.ndim > 1
        assert torch.allclose(parameter, torch.tensor(0.9 if decayed else 1.0))
