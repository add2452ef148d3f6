"""The table of our own trainings: it has every network that its experiment accepts, and says what
their trainings gave.
"""

import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.cost import estimate
from lmanet.data import NoImages
from lmanet.errors import ConfigError, TrainingError
from lmanet.network import Architecture
from lmanet.run.records import Job
from lmanet.space import architecture_id, load_space
from lmanet.train import TabularTrainer
from lmanet.train.lookup.table import load_table
from lmanet.train.zero_cost import PROXIES
from lmanet.validate import Validator

ROOT = Path(__file__).parents[3]
NAME = "lmanet_mini"


@pytest.fixture(scope="module")
def bench():
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=["+experiment=bench_lmanet"])


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("train_table")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def validator(bench) -> Validator:
    return Validator(instantiate(bench.space), instantiate(bench.target), bench.data.num_classes)


@pytest.fixture(scope="module")
def feasible(bench, script, validator):
    return script.feasible(instantiate(bench.space), validator)


def job(network: Architecture, seed: int, epochs: int | None = None) -> Job:
    return Job(number=0, architecture=network, seed=seed, epochs=epochs)


def trainer(seed_of_table="mean") -> TabularTrainer:
    return TabularTrainer(NoImages(NAME, "images", 10, "a table"), NAME, seed_of_table)


def test_every_feasible_network_is_in_the_table(feasible):
    assert len({architecture_id(network) for network in feasible}) == len(feasible) >= 240
    table = trainer()
    scores = [table.train(job(network, 0)) for network in feasible]
    assert all(
        len(score.curve) == 27
        and score.curve[-1].val_accuracy == score.val_accuracy
        and score.seconds > 1
        for score in scores
    )
    assert np.std([score.val_accuracy for score in scores]) > 0.02


def test_each_limit_alone_rejects_networks(bench, script, validator, feasible):
    verdicts = [
        validator.validate(network, ()) for network in script.settings(instantiate(bench.space))
    ]
    alone = Counter(
        verdict.violations[0].rule for verdict in verdicts if len(verdict.violations) == 1
    )
    assert set(alone) == set(validator.target.limits) and min(alone.values()) > 10
    assert 0.05 < len(feasible) / len(verdicts) < 0.2, "share of uniform draws that may be trained"


def test_an_entry_is_the_network_that_it_says(bench):
    space, entries = instantiate(bench.space), load_table(NAME)[1]
    assert len({(entry.id, entry.seed) for entry in entries}) == len(entries)
    for entry in entries:
        assert architecture_id(space.parse(json.loads(entry.architecture))) == entry.id


def test_one_training_or_the_mean_of_a_network_trained_with_three_seeds(feasible):
    network = feasible[0]
    single = [trainer(number).train(job(network, 9)).val_accuracy for number in (0, 1, 2)]
    assert len(set(single)) > 1
    assert trainer().train(job(network, 9)).val_accuracy == pytest.approx(fmean(single))
    by_seed = trainer("by_seed")
    assert [by_seed.train(job(network, seed)).val_accuracy for seed in (3, 4, 8)] == single


def test_a_training_that_pauses_has_the_first_part_of_the_curve_and_of_the_seconds(feasible):
    whole, paused = (trainer().train(job(feasible[0], 0, epochs)) for epochs in (None, 3))
    assert paused.curve == whole.curve[:3] and paused.val_accuracy == whole.curve[2].val_accuracy
    assert paused.seconds == pytest.approx(whole.seconds / 9) and paused.val_macro_f1 is None
    with pytest.raises(
        ConfigError, match="cannot pause after 27 epochs, as its training ends after 27"
    ):
        trainer().train(job(feasible[0], 0, 27))


def test_a_network_that_was_not_trained_is_named():
    network = load_space("lmanet").sample(np.random.default_rng(0))
    with pytest.raises(
        TrainingError,
        match=rf"network {architecture_id(network)} is not among the \d+ of the table {NAME}",
    ):
        trainer().train(job(network, 0))


def test_settings_that_contradict_the_table_are_refused():
    with pytest.raises(ConfigError, match="legal are mean, by_seed, 0, 1, 2"):
        trainer(3)
    with pytest.raises(ConfigError, match="has 10 classes, data CIFAR 100; take data=lmanet_mini"):
        TabularTrainer(NoImages("CIFAR", "images", 100, "a table"), NAME)
    with pytest.raises(ConfigError, match=f"there is no table 'mini'; legal are {NAME}"):
        TabularTrainer(NoImages(NAME, "images", 10, "a table"), "mini")


def test_zero_cost_proxies_are_looked_up(feasible):
    drawn = [trainer(number).screen(feasible[0], seed=9) for number in (0, 1, 2)]
    mean = trainer().screen(feasible[0], seed=9)
    assert mean["macs"] == drawn[0]["macs"] == estimate(feasible[0], 10).macs
    assert len({each["expressivity"] for each in drawn}) == 3
    assert mean["expressivity"] == pytest.approx(fmean(each["expressivity"] for each in drawn))
    looked_up = trainer()
    assert all(set(looked_up.screen(network, seed=0)) == set(PROXIES) for network in feasible)
    with pytest.raises(TrainingError, match="has no zero-cost proxies of network"):
        trainer().screen(load_space("lmanet").sample(np.random.default_rng(0)), seed=0)
