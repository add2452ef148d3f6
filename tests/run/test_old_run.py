"""A run of an earlier version goes on.

Commit b9f5fec made ``old_run`` with every stage, before the folders of the package moved. Its
pictures are made smaller, and its files to flash are left out.
"""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmanet.app import Run
from lmanet.app.compose import compose, in_folder, kept_overrides
from lmanet.app.resume import resumed
from lmanet.app.saved import of_the_run
from lmanet.run.folder import RunFolder
from lmanet.run.records import Status

OLD = Path(__file__).parent / "old_run"
MADE_ONCE = (
    "history.jsonl",
    "full.jsonl",
    "distill.jsonl",
    "measured.jsonl",
    "deploy.jsonl",
    "test.jsonl",
    "rules.json",
    "teacher.json",
    "examination.json",
    "settings.json",
    "student.ckpt",
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return shutil.copytree(OLD, tmp_path / "old")


def started(folder: Path, *overrides: str) -> Run:
    """What ``python run.py resume=FOLDER OVERRIDES`` prepares."""
    given = resumed([f"resume={folder}", *overrides])
    composed = compose(given.arguments)
    kept = kept_overrides(composed.hydra.overrides)
    return Run(of_the_run(in_folder(composed, folder), folder, given, kept), given.typed)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in MADE_ONCE if (folder / name).exists()}


@pytest.mark.slow  # goes through every stage
def test_every_stage_of_an_old_run_counts_as_done(old: Path):
    before = contents(old)
    stages = "search,rules,train,distill,deploy,explain,evaluate"
    started(old, f"stages=[{stages}]").start()
    assert contents(old) == before
    assert len(RunFolder(old).provenance.read()) == 2


def test_an_old_search_goes_on_under_its_settings(old: Path):
    before = RunFolder(old).trials()
    changed = "propose=random", "budget.trained=4", "budget.proposals=60", "budget.seconds=null"
    started(old, "stages=[search]", *changed).start()
    trials = RunFolder(old).trials()
    assert trials[: len(before)] == before
    assert [trial.status for trial in trials].count(Status.TRAINED) == 4


def test_the_report_of_an_old_run_is_written_again(old: Path):
    started(old, "stages=[report]").start()
    best = RunFolder(old).best()
    assert best is not None
    accuracy = f"{100 * best.score.val_accuracy:.1f} %"
    assert accuracy in (old / "report.html").read_text() and (old / "report.md").exists()


def test_all_readers_name_one_best_network_of_an_old_run(old: Path):
    run = RunFolder(old)
    best = run.best()
    assert best is not None and best == run.require_trained("deploy")[0]
    assert (old / best.checkpoint).read_bytes() == run.student.read_bytes()
    assert best.checkpoint in {test.checkpoint for test in run.tests.read()}
    assert [line.checkpoint for line in run.deployments.read()] == [best.checkpoint]


def test_every_class_that_an_old_configuration_names_is_found():
    named = set(targets(yaml.safe_load((OLD / ".hydra" / "config.yaml").read_text())))
    assert "lmanet.validate.Target" in named and len(named) > 20
    for name in sorted(named):
        module, _, attribute = name.rpartition(".")
        assert callable(getattr(import_module(module), attribute)), name


def targets(node: Any) -> Iterator[str]:
    """Every ``_target_`` of a configuration."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "_target_":
                yield value
            else:
                yield from targets(value)
    elif isinstance(node, list):
        for each in node:
            yield from targets(each)
