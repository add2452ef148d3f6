"""docs/how-to: a teacher, a recipe and a checkpoint of one's own, no file of ours changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmanet.run.folder import RunFolder

pytestmark = pytest.mark.slow  # starts run.py
ROOT = Path(__file__).parents[2]
SMALL = ("budget.proposals=30", "budget.trained=1", "hydra.run.dir=run")
TINY = ("data.split.max_train_images=200", "train.full.recipe.epochs=1")


def test_a_teacher_of_ones_own_is_trained_and_teaches(follow):
    reader = follow("add-a-teacher")
    few = ("distill.trainer.recipe.epochs=1", "distill.teacher.trainer.recipe.epochs=1")
    done = reader.type_command(*SMALL, *TINY, *few)
    assert done.code == 0, done.said
    folder = RunFolder(reader.folder / "run")
    assert folder.teacher.read().name == "small_cnn_16" and folder.teacher.read().trained
    assert folder.distilled.read()[0].teacher == "small_cnn_16"


def test_a_recipe_of_ones_own_trains(follow):
    reader = follow("add-a-recipe")
    done = reader.type_command(*SMALL, *TINY)
    assert done.code == 0, done.said
    assert RunFolder(reader.folder / "run").full.read()


def test_a_checkpoint_of_ones_own_is_where_networks_begin(follow):
    reader = follow("start-from-a-checkpoint")
    made = subprocess.run(
        [sys.executable, "plugin/donor.py"],
        capture_output=True,
        text=True,
        cwd=reader.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == "('across', 'down')"
    done = reader.type_command(*SMALL, *TINY)
    assert done.code == 0, done.said
    assert "% of the weights begin as the donor's" in done.said
