"""Own pictures to firmware in one command, only shorter: few tiny pictures, unequal, some grey."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmanet.run.folder import PLAN, RunFolder

pytestmark = pytest.mark.slow  # runs a whole search

SMALL = (
    "plan_minutes=0.1",
    "budget.trained=2",
    "budget.proposals=40",
    "distill=no_teacher",
    "stages=[search,train,deploy,evaluate,report]",
    "execute=in_process",
    "train.mini.recipe.folds=2",
    "train.mini.recipe.epochs=2",
    "train.mini.recipe.repeats=2",
    "train.full.recipe.epochs=2",
    "train.full.recipe.repeats=2",
    "deploy.settings.most_loss=1",
    "hydra.run.dir=run",
)


def stripes(root: Path) -> Path:
    """Stripes across or down, of mixed sizes and kinds of file, some grey."""
    rng = np.random.default_rng(0)
    for name, count in (("across", 36), ("down", 12)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            side = 32 + 8 * (number % 4)
            lines = np.arange(side) % 8 < 4
            pixels = np.broadcast_to(lines if name == "down" else lines[:, None], (side, side))
            noisy = 120 * pixels[:, :, None] + rng.integers(0, 100, (side, side, 3))
            picture = Image.fromarray(noisy.astype(np.uint8))
            picture = picture.convert("L") if number % 5 == 0 else picture
            picture.save(root / name / f"{number}.{'jpg' if number % 3 == 0 else 'png'}")
    return root


def test_pictures_become_firmware(typed, tmp_path: Path) -> None:
    root = stripes(tmp_path / "photos")
    ended = typed("+experiment=photos", f"data.root={root}", *SMALL)
    assert ended.code == 0, ended.error
    folder = RunFolder(tmp_path / "run")
    told = " ".join((folder.path / PLAN).read_text().split())
    assert "48 of 2 classes; to train and validate across 31, down 10; the largest" in told
    assert "min in all" in told and "pareto=balanced_accuracy_macs_sram" in told
    assert told in " ".join(ended.output.split())

    # what was chosen is a setting of the run, which a resumed start finds again
    assert "data.resolution=32" in folder.overrides()
    for trial in folder.front.read().trials:
        assert len(trial.score.fold_accuracies) == 2 and trial.score.val_images == 41
    (student,) = folder.full.read()
    assert student.rank_by == "val_balanced_accuracy"
    (deployed,) = folder.deployments.read()
    assert list((folder.path / deployed.deployed.folder / deployed.deployed.firmware).glob("*.c"))
    for test in folder.tests.read():
        assert [each.images for each in test.by_class] == [5, 2]
    assert "Each class by itself" in (folder.path / "report.md").read_text()

    again = typed("resume=run", "stages=[report]")
    assert again.code == 0 and "Chosen" not in again.output
