"""docs/how-to/add-a-search-space.md: one module, one YAML file, no file of ours changed."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.propose import Prompt
from lmanet.propose.llm.example import example
from lmanet.run.brief import Brief
from lmanet.run.folder import RunFolder
from lmanet.run.records import Status
from lmanet.space import architecture_id, staged

# In place of a training, which would say nothing of the space: wide ladders do better.
TRAINER = """\
from lmanet.run.records import Score


class ToyTrainer:
    def __init__(self, data):
        pass

    def train(self, job):
        return Score(val_accuracy=job.architecture.width / 100, seconds=1.0)
"""
OVERRIDES = (
    "stages=[search,report,export]",
    "train=toy",
    "data=nasbench201_cifar10",
    "target=stm32h743",
    "propose=random",
    "execute=in_process",
    "budget.trained=5",
    "hydra.run.dir=run",
)


@pytest.fixture
def reader(follow: Callable[[str], Any]) -> Any:
    reader = follow("add-a-search-space")
    plugin: Path = reader.folder / "plugin"
    (plugin / "conf" / "train").mkdir()
    (plugin / "conf" / "train" / "toy.yaml").write_text(
        "mini: {_target_: toy_trainer.ToyTrainer}\nfull: null\n"
    )
    (plugin / "toy_trainer.py").write_text(TRAINER)
    return reader


@pytest.fixture
def ladder(reader: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the page."""
    monkeypatch.syspath_prepend(str(reader.folder / "plugin"))
    yield importlib.import_module("ladder")
    del sys.modules["ladder"]


@pytest.mark.slow
def test_a_space_of_ones_own_goes_through_the_loop(reader, ladder):
    first = reader.type_command(*OVERRIDES)
    assert first.code == 0, first.said
    again = reader.type("resume=run", "budget.trained=6", "stages=[search]", plugin=True)
    assert again.code == 0, again.said
    run = RunFolder(reader.folder / "run")
    trials = run.trials()
    trained = {trial.id: trial for trial in trials if trial.status is Status.TRAINED}
    assert len(trained) == 6 == sum(trial.status is Status.TRAINED for trial in trials)
    for trial in trials:
        assert type(trial.architecture) is ladder.Ladder
        assert trial.id == architecture_id(staged(trial.architecture))
        assert trial.verdict.cost.peak.runtime == "c_static"
    for line in (run.path / "history.jsonl").read_text().splitlines():
        assert set(json.loads(line)["proposal"]["architecture"]) == {"width", "depth", "kernel"}
    front = json.loads((run.path / "front.json").read_text())["trials"]
    best = front[0]["proposal"]["architecture"]["width"]
    assert best == max(trial.architecture.width for trial in trained.values())
    assert (run.path / "report.html").is_file() and (run.path / "optuna_journal.log").is_file()
    # The report keeps what was trained by then, to be trained again.
    kept = [load_architecture(path) for path in (run.path / "networks").iterdir()]
    assert len(kept) == 5 and {architecture_id(each) for each in kept} < trained.keys()


def test_a_model_is_told_of_it(ladder):
    space = ladder.LadderSpace(width=(8, 16))
    brief = Brief(space=space, seed=0, images="digits", num_classes=10, limits={"macs": 10**7})
    opening = Prompt(max_attempts=1).opening(brief, example(brief))
    assert "width: 8 | 16\ndepth: 2 | 3 | 4\nkernel: 3 | 5" in opening
    assert "- macs: at most 10,000,000 multiply-accumulates" in opening


def test_a_design_text_that_asks_for_more_is_refused(ladder):
    class Asking(ladder.LadderSpace):
        @property
        def design(self) -> str:
            return "You design $nonsense."

    brief = Brief(space=Asking(width=(8,)), seed=0, images="", num_classes=10, limits={})
    with pytest.raises(ConfigError, match=r"asks for 'nonsense'; it may ask for \$\{images\}"):
        Prompt(max_attempts=1).opening(brief, example(brief))
