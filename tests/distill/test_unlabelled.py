"""Pictures without labels: labels say nothing of them, and a teacher all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from lmanet.data import Photos
from lmanet.distill import (
    Distillation,
    Dkd,
    Kd,
    KnowledgeDistillation,
    StoredLogits,
    TeacherSource,
    TeacherTraining,
)
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.run.folder import RunFolder
from lmanet.steps import Batch
from lmanet.train import FullTraining, Recipe, Trainer

pytestmark = pytest.mark.slow  # trains


def stripes(folder: Path, down: bool, count: int) -> None:
    rng = np.random.default_rng(down)
    folder.mkdir(parents=True)
    for number in range(count):
        lines = np.arange(32) % 8 < 4
        pixels = np.broadcast_to(lines if down else lines[:, None], (32, 32))
        noisy = 120 * pixels[:, :, None] + rng.integers(0, 100, (32, 32, 3))
        Image.fromarray(noisy.astype(np.uint8)).save(folder / f"{number}.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Photos:
    for name in ("across", "down"):
        stripes(tmp_path / "photos" / name, name == "down", 20)
    stripes(tmp_path / "more", True, 7)
    return Photos(str(tmp_path / "photos"), 32, unlabelled=str(tmp_path / "more"))


def make(pictures: Photos, source: TeacherSource, recipe: Recipe, divergence: object):
    trainer = partial(Trainer, recipe=recipe)
    teacher = partial(TeacherTraining, source=source, trainer=trainer, logits=StoredLogits())
    loss = partial(KnowledgeDistillation, divergence=divergence)
    return Distillation(pictures, 1, trainer, teacher, loss, skip_if_worse=False)


def test_the_teacher_is_asked_of_every_picture(
    pictures: Photos,
    source: TeacherSource,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    recipe = make_recipe(epochs=2, views=1, batch_size=5, augment=None)
    FullTraining(Trainer(pictures, recipe), 1, architecture=architecture).run(folder)
    make(pictures, source, recipe, Kd(4.0)).run(folder)
    (view,) = (folder.path / "teacher_logits").rglob("*.safetensors")
    labelled = len(pictures.train_images)
    asked = load_file(view)["indices"]
    assert len(asked) == 5 * ((labelled + 7) // 5) and int((asked >= labelled).sum()) >= 4
    assert folder.distilled.read()[0].score.val_images == len(pictures.val_images)


def test_a_cross_entropy_has_nothing_of_them(
    pictures: Photos, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    taught = pictures.taught()
    trainer = Trainer(taught, make_recipe(epochs=1, label_smoothing=0.2, augment=None))
    sums: list[tuple[Tensor, Tensor]] = []

    def loss(logits: Tensor, batch: Batch, progress: float) -> Tensor:
        sums.append((batch.indices, batch.targets.sum(1)))
        return logits.square().mean()

    trainer.fit(trainer.build(architecture, 0), 0, loss)
    labelled = len(pictures.train_images)
    for indices, total in sums:
        torch.testing.assert_close(total, (indices < labelled).float())


def test_a_divergence_that_asks_for_labels_is_refused_before_the_run(
    pictures: Photos, source: TeacherSource, make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match=r"divergence=Dkd asks for the label of every picture"):
        make(pictures, source, make_recipe(), Dkd()).require()
