"""The command that a report gives for a network trains that network, in the run's own folder."""

import shlex
from pathlib import Path

import pytest
from drivers import Drivers

from lmanet.app import Run
from lmanet.run.folder import FULL, RunFolder
from lmanet.run.lines import read_records
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id

pytestmark = pytest.mark.slow  # runs whole searches

SMALL = (
    "+experiment=smoke",
    "data.split.max_train_images=200",
    "train.mini.recipe.epochs=1",
    "train.full.recipe.epochs=1",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
)


def test_a_network_of_the_report_is_trained_by_its_command(composed, drivers: Drivers, tmp_path):
    from lmanet.explain.cards import make_cards
    from lmanet.explain.facts.contents import Setting, read_run
    from lmanet.explain.facts.facts import Facts

    folder = tmp_path / "run"
    drivers.run(
        tmp_path,
        *SMALL,
        "stages=[search,report]",
        "budget={proposals:6,trained:null,seconds:null}",
        f"hydra.run.dir={folder}",
    )
    run = Run(composed(*SMALL, f"folder={folder}"))
    setting = Setting(run.pareto, run.target, run.data.num_classes, run.space)
    card = make_cards(Facts(read_run(RunFolder(folder)), setting), Path("run"))[-1]
    program, script, *arguments = shlex.split(card.retrain)
    assert (program, script) == ("python", "run.py")
    drivers.run(tmp_path, *arguments)
    (trained,) = read_records(folder / FULL, TrainedNetwork)
    assert (
        architecture_id(trained.architecture)
        == card.id
        == {trial.number: trial.id for trial in RunFolder(folder).trials()}[card.number]
    )
