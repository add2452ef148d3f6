"""Files that break or vanish while a run reads them."""

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from lmanet.data import ImageFolder, Loading
from lmanet.errors import DataError
from lmanet.execute import InProcess, Workers
from lmanet.run.records import Job
from lmanet.space import load_space
from lmanet.steps import Executor
from lmanet.train import Recipe, Trainer, WarmupCosine


def read(folder: Path, **settings: object) -> ImageFolder:
    data = ImageFolder(str(folder), 32, **settings)
    data.setup("fit")
    data.setup("test")
    return data


def test_a_file_that_vanishes_while_it_is_hashed_is_named(folder: Path) -> None:
    data = read(folder)
    gone = folder / "train" / "1" / "05.png"
    gone.unlink()
    with pytest.raises(
        DataError, match=rf"{gone} cannot be read as an image \(No such file or directory\)"
    ):
        data.checksum()


def test_a_copy_for_a_worker_has_the_same_parts_although_a_file_is_gone(folder: Path) -> None:
    data = read(folder)
    gone = folder / "train" / "1" / "05.png"
    packed = pickle.dumps(data)
    gone.unlink()
    with pytest.raises(DataError, match=rf"{gone} cannot be read"):
        read_again(packed)


def read_again(packed: bytes) -> None:
    data = pickle.loads(packed)
    data.setup("fit")
    data.setup("test")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_file_that_is_cut_off_in_a_run_is_named_in_one_sentence(
    folder: Path, num_workers: int
) -> None:
    data = read(folder, loading=Loading(max_memory_bytes=0, num_workers=num_workers))
    cut = folder / "train" / "1" / "05.png"
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(DataError) as told:
        for part in (data.train_dataloader(4), data.val_dataloader(4), data.test_dataloader(4)):
            list(part)
    assert str(told.value).startswith(f"{cut} has changed since ") and "\n" not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "gone"),
    [(InProcess, False), (InProcess, True), (partial(Workers, workers=1, threads=1), True)],
)
def test_a_training_that_meets_a_broken_file_ends_the_run(
    folder: Path, executor: Callable[..., Executor], gone: bool
) -> None:
    data = read(folder, loading=Loading(max_memory_bytes=0, num_workers=1))
    space = load_space("mcu", {"resolution": [32], "num_stages": [3]})
    recipe = Recipe(1, 16, partial(torch.optim.SGD, lr=0.1), WarmupCosine(0.5), accelerator="cpu")
    place = executor(Trainer(data, recipe))
    broken = data.train_images.paths[0]
    content = broken.read_bytes()
    broken.unlink()
    if not gone:
        broken.write_bytes(content[:100])
    try:
        place.submit(Job(number=0, architecture=space.sample(np.random.default_rng(0)), seed=0))
        with pytest.raises(
            DataError, match=rf"^{broken} (has changed since|cannot be read as an image)[^\n]*$"
        ):
            place.collect(wait=True)
    finally:
        place.close()
