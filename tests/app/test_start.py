"""A start waits for no package that only another stage or proposer needs, and a worker's start for
none that only the run needs.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # imports all that a run does

START = """
import sys
from pathlib import Path

def loaded(*names):
    return sorted({*names} & set(sys.modules))

import lmanet.data, lmanet.execute, lmanet.train
print("worker", *loaded("optuna", "sklearn", "timm", "wandb"))
from lmanet.app.compose import in_folder, plain, read_command, understood
from lmanet.app.settings import check_groups
_, config = understood(read_command(["+experiment=smoke"]))
check_groups(plain(in_folder(config, Path())))
print("run", *loaded("optuna", "sklearn"))
"""


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_settings_are_checked_without_what_takes_a_second_and_few_need(loaded):
    assert loaded[1] == "run"


def test_a_worker_trains_candidates_without_what_takes_a_second_and_few_trainings_need(loaded):
    assert loaded[0] == "worker"
