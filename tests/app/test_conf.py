"""Every file of conf/ composes; every experiment runs, made small; the documented order of
overrides holds.
"""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from PIL import Image

from lmanet.app import ROOT_KEYS, Run
from lmanet.app.compose import make
from lmanet.data import mnist
from lmanet.data.split import stratified
from lmanet.propose.roles.legal import is_legal
from lmanet.run.records import Status, Trial

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
GROUPS = sorted(
    path.name
    for path in CONF.iterdir()
    if path.is_dir() and path.name not in ("experiment", "ablation")
)
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}" for group in GROUPS for path in (CONF / group).glob("*.yaml")
)
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
ABLATIONS = sorted(path.stem for path in (CONF / "ablation").glob("*.yaml"))
# What makes any experiment small: few small real images, short trainings, draws in place of a model
# that is not served here.
SMALL = (
    "data=mnist5k",
    "data.split.max_train_images=200",
    "propose=random",
    "execute=in_process",
    "beside=[]",  # of tests/app/test_beside.py
    "promote=everything",
    "space=mcu",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
    "train=quick",
    "train.mini.recipe.epochs=1",
    "train.full.recipe.epochs=1",
    "train_best=1",
    "distill=quick",
    "distill.teacher.trainer.recipe.epochs=1",
    "distill.trainer.recipe.epochs=1",
    "distill.skip_if_worse=false",
    "budget={proposals:12,trained:2,seconds:null,tokens:null}",
)


@pytest.fixture
def few_images(monkeypatch) -> None:
    """A tenth of the digits: validations and tests of 80 and 100 images, not 800 and 1,000."""
    tenth = [part.subset(stratified(part.labels, 0.1, seed=0)[1]) for part in mnist._digits()]
    monkeypatch.setattr(mnist, "_digits", lambda: tenth)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes(composed, option):
    assert OmegaConf.to_container(composed(option), resolve=False)[option.partition("=")[0]]


@pytest.mark.parametrize("ablation", ABLATIONS)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_with_every_ablation(composed, experiment, ablation):
    cfg = composed(f"+experiment={experiment}", f"+ablation={ablation}")
    assert set(cfg) == ROOT_KEYS
    assert cfg.name == experiment


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_names_the_command_that_runs_it(experiment):
    lines = (CONF / "experiment" / f"{experiment}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_" and f"+experiment={experiment}" in lines[1]


def test_the_ablation_wins_over_the_experiment(composed):
    assert (
        "lmanet.propose.RandomProposer"
        in composed("+experiment=quickstart", "+ablation=random").propose._target_
    )
    assert (
        composed("+experiment=quickstart", "+ablation=no_feedback").feedback._target_
        == "lmanet.feedback.NoFeedback"
    )


def wake_vision(folder):
    """The settings of an experiment with a person, or none, in 40 pictures; not of digits."""
    for part, count in (("train_quality", 40), ("test", 8)):
        rows = ["filename,person"]
        for number in range(count):
            rows.append(f"{part}{number}.png,{number % 2}")
            colour = (120 * (number % 2), 5 * number, 40)
            Image.new("RGB", (40, 32), colour).save(folder / rows[-1].split(",")[0])
        (folder / f"wake_vision_{part}.csv").write_text("\n".join(rows))
    others = [each for each in SMALL if not each.startswith("data")]
    return [*others, f"data.root={folder}", "data.resolution=32"]


# Experiments whose own kind of data is quickly made. Those of sounds and signals are run small by
# tests/app/test_sensors.py.
OWN_DATA = {"person": wake_vision}


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_runs_small(composed, tmp_path, tmp_path_factory, experiment):
    own = OWN_DATA.get(experiment)
    small = own(tmp_path_factory.mktemp("data")) if own else SMALL
    cfg = composed(f"+experiment={experiment}", *small, f"folder={tmp_path}")
    Run(cfg).start()
    if "search" in cfg.stages:
        trials = [
            Trial.model_validate_json(line)
            for line in (tmp_path / "history.jsonl").read_bytes().split(b"\n")[:-1]
        ]
        assert sum(trial.status is Status.TRAINED for trial in trials) == 2
    for stage, file in {
        "train": "full.jsonl",
        "distill": "distill.jsonl",
        "evaluate": "test.jsonl",
        "report": "report.md",
    }.items():
        assert (tmp_path / file).exists() == (stage in cfg.stages)


def test_the_networks_that_the_record_begins_with_are_within_its_limits(composed, tmp_path):
    run = Run(composed("+experiment=cifar100_two_cores", f"folder={tmp_path}"))
    start = make(run.cfg.propose, brief=run.brief).start
    assert len(start) >= 3 and all(is_legal(network, run.brief, ()) for network in start)


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_runs_small(composed, tmp_path, ablation):
    small = [
        override for override in SMALL if ablation != "random" or not override.startswith("propose")
    ]
    cfg = composed(
        "+experiment=smoke",
        f"+ablation={ablation}",
        *small,
        "budget.proposals=6",
        "budget.trained=1",
        f"folder={tmp_path}",
    )
    Run(cfg).start()
    distilled = (tmp_path / "distill.jsonl").exists()
    assert distilled == (ablation != "no_distill")
    assert json.loads((tmp_path / "front.json").read_text())["trials"]
