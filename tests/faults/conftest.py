"""Small things that every fault asks of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recipes import small_recipe

from lmanet.data import Mnist5k, Split
from lmanet.network import Architecture
from lmanet.run.folder import RunFolder
from lmanet.train import Recipe

# A search of a table: 3,456 networks, and no training.
TABLE = ("+experiment=bench_lmanet", "propose=evolution", "budget.trained=null")


@pytest.fixture(scope="session")
def table() -> tuple[str, ...]:
    return TABLE


@pytest.fixture(scope="session")
def lines() -> Callable[[Path], int]:
    """How many whole lines a file has."""
    return lambda path: path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="session")
def found() -> Callable[[Path], list[Any]]:
    """What a search has found, without times and dates: its trials by number, and its front."""

    def found(folder: Path) -> list[Any]:
        run = RunFolder(folder)
        trials = sorted(run.history.read(), key=lambda trial: trial.number)
        front = run.front.read()
        told = (*trials, *(front.trials if front else ()))
        timeless = {"started_at": "", "seconds": 0.0, "elapsed_seconds": 0.0}
        return [trial.model_copy(update=timeless) for trial in told]

    return found


@pytest.fixture
def small(make) -> Architecture:
    """A network that trains in a second or two."""
    return make({"stride": 2}, {"stride": 2, "channels": 24})


@pytest.fixture
def data() -> Mnist5k:
    return Mnist5k(Split(val_fraction=0.2, max_train_images=160))


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    return small_recipe
