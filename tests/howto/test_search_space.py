"""docs/howto/add-a-search-space.md, done as it is written: a space of one's own through the loop,
with no file of ours changed.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hydra.core.global_hydra import GlobalHydra

from lmanet.app import main
from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.propose import Prompt
from lmanet.propose.llm.example import example
from lmanet.run.brief import Brief
from lmanet.run.folder import HISTORY
from lmanet.run.history import History
from lmanet.run.records import Front, Status, Trial
from lmanet.space import architecture_id, staged

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "add-a-search-space.md"
# A trainer that needs no images: wide ladders do better.
TRAINER = """\
from lmanet.run.records import Score


class ToyTrainer:
    def __init__(self, data):
        pass

    def train(self, job):
        return Score(val_accuracy=job.architecture.width / 100, seconds=1.0)

    def screen(self, architecture, seed):
        return {}
"""
TRAIN = "mini:\n  _target_: toy_trainer.ToyTrainer\nfull: null\n"
OVERRIDES = (
    "space=ladder",
    "train=toy",
    "data=nasbench201_cifar10",
    "target=stm32h743",
    "propose=random",
    "execute=in_process",
    "stages=[search,report,export]",
    "budget.proposals=12",
    "budget.trained=5",
)


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


class Plugged(NamedTuple):
    """A search that has ended.

    Attributes:
        plugin: the module of the page, as the run loaded it.
    """

    folder: Path
    plugin: Any
    trials: list[Trial]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugged]:
    here = tmp_path_factory.mktemp("ladder")
    (here / "ladder.py").write_text(block("python"))
    (here / "toy_trainer.py").write_text(TRAINER)
    for group, name, text in (("space", "ladder", block("yaml")), ("train", "toy", TRAIN)):
        (here / "myconf" / group).mkdir(parents=True)
        (here / "myconf" / group / f"{name}.yaml").write_text(text)
    command = block("sh").split()
    assert command[:3] == ["PYTHONPATH=.", "python", "run.py"]
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(here))
        patch.chdir(here)
        patch.setattr(sys, "argv", [*command[2:], *OVERRIDES, "hydra.run.dir=run"])
        GlobalHydra.instance().clear()
        main()
        yield Plugged(here / "run", _loaded("ladder"), History(here / "run").trials)
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
    root.handlers[:], root.level = before
    del sys.modules["ladder"], sys.modules["toy_trainer"]


def _loaded(name: str) -> ModuleType:
    return sys.modules[name]


def test_a_space_of_ones_own_goes_through_the_loop(ran):
    trained = [trial for trial in ran.trials if trial.status is Status.TRAINED]
    assert len(trained) == 5 == len({trial.id for trial in trained})
    for trial in ran.trials:
        assert type(trial.architecture) is ran.plugin.Ladder
        assert trial.id == architecture_id(staged(trial.architecture))
        assert trial.verdict.cost.peak.runtime == "c_static"
    front = Front.model_validate_json((ran.folder / "front.json").read_text())
    assert front.trials[0].architecture.width == max(t.architecture.width for t in trained)


def test_its_history_holds_the_fields_of_its_candidates(ran):
    for line in (ran.folder / HISTORY).read_text().splitlines():
        assert set(json.loads(line)["proposal"]["architecture"]) == {"width", "depth", "kernel"}


def test_its_networks_are_reported_and_kept_to_be_trained_again(ran):
    assert (ran.folder / "report.html").is_file() and (ran.folder / "optuna_journal.log").is_file()
    files = list((ran.folder / "networks").iterdir())
    trained = {trial.id for trial in ran.trials if trial.status is Status.TRAINED}
    assert {architecture_id(load_architecture(path)) for path in files} == trained


def test_a_model_is_told_of_it(ran):
    space = ran.plugin.LadderSpace(width=(8, 16))
    brief = Brief(space=space, seed=0, images="digits", num_classes=10, limits={"macs": 10**7})
    opening = Prompt(max_attempts=1).opening(brief, example(brief))
    assert "width: 8 | 16\ndepth: 2 | 3 | 4\nkernel: 3 | 5" in opening
    assert "- macs: at most 10,000,000 multiply-accumulates" in opening


def test_a_design_text_that_asks_for_more_says_so(ran):
    class Asking(ran.plugin.LadderSpace):
        @property
        def design(self) -> str:
            return "You design $nonsense."

    brief = Brief(space=Asking(width=(8,)), seed=0, images="", num_classes=10, limits={})
    with pytest.raises(ConfigError, match=r"asks for 'nonsense'; it may ask for \$\{images\}"):
        Prompt(max_attempts=1).opening(brief, example(brief))
