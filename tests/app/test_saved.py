"""A run that goes on is the run that was saved, with what is typed now, whatever conf/ says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmanet.app.saved import as_saved, with_typed
from lmanet.run.folder import HISTORY, RunFolder

EXPERIMENT = """# @package _global_
defaults:
  - bench_lmanet
  - override /propose: sampler
  - override /pareto: {pareto}
budget: {{proposals: {proposals}, trained: null}}
stages: [{stages}]
{more}
"""
FIRST = {"pareto": "accuracy_macs_sram", "proposals": 4, "stages": "search", "more": ""}
Tree = dict[str, Any]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes an experiment into a folder of options, as a later version of lmanet might."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "mine" / "experiment" / "mine.yaml"
    path.parent.mkdir(parents=True)
    return lambda **changes: path.write_text(EXPERIMENT.format(**FIRST | changes)) and None


def begun(conf: Callable[..., None], typed: Callable[..., Any], *more: str) -> None:
    conf()
    ended = typed("+experiment=mine", "--config-dir", "mine", "hydra.run.dir=run", *more)
    assert ended.code == 0, ended.error


def saved(tmp_path: Path) -> Path:
    return tmp_path / "run" / ".hydra" / "config.yaml"


def history(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "run" / HISTORY).read_bytes().splitlines()


def test_a_run_keeps_its_settings_where_its_experiment_has_changed_since(
    conf, typed, tmp_path: Path
):
    begun(conf, typed)
    before = history(tmp_path)
    conf(pareto="accuracy_params", proposals=9, stages="search, report")
    ended = typed("resume=run")
    assert ended.code == 0, ended.error
    assert "its own settings" in ended.output and "budget.proposals" in ended.output
    assert history(tmp_path) == before, "nothing is done twice, and nothing more"
    assert "did not have" not in ended.output
    assert not (tmp_path / "run" / "report.md").exists()


def test_the_settings_that_are_shown_are_those_of_the_run(conf, typed, tmp_path: Path):
    begun(conf, typed)
    conf(proposals=9)
    shown = typed("resume=run", "--cfg", "job", "budget.trained=3")
    assert shown.code == 0, shown.error
    settings = yaml.safe_load(shown.output)
    assert settings["budget"]["proposals"] == 4 and settings["budget"]["trained"] == 3
    assert len(history(tmp_path)) == 4, "nothing is started"
    refused = typed("resume=run", "--cfg", "job", "--package", "budget")
    assert refused.code == 1 and "does not go with" in refused.error


def test_what_is_typed_in_a_start_holds(conf, typed, tmp_path: Path):
    begun(conf, typed)
    conf(proposals=6)
    assert typed("resume=run", "budget.proposals=6").code == 0, "also where it is today's default"
    assert len(history(tmp_path)) == 6
    assert typed("resume=run", "stages=[export]", "pareto=accuracy").code == 0
    refused = typed("resume=run", "pareto=accuracy_params", "budget.proposals=7")
    assert "another setting of pareto" in refused.error, "a whole option is typed"


def test_an_experiment_that_is_typed_in_a_start_holds(conf, typed, tmp_path: Path):
    begun(conf, typed)
    more = tmp_path / "mine" / "ablation" / "more.yaml"
    more.parent.mkdir()
    more.write_text("# @package _global_\nbudget: {proposals: 5}\n")
    conf(proposals=9)
    assert typed("resume=run", "+ablation=more").code == 0
    assert len(history(tmp_path)) == 5


def test_settings_that_came_later_have_todays_defaults(conf, typed, tmp_path: Path):
    begun(conf, typed)
    of_then = yaml.safe_load(saved(tmp_path).read_text())
    del of_then["measure"], of_then["promote"], of_then["storage"], of_then["track"]["events"]
    saved(tmp_path).write_text(yaml.safe_dump(of_then | {"gone": 1}))
    conf(proposals=9)
    ended = typed("resume=run", "budget.proposals=5")
    assert ended.code == 0, ended.error
    assert len(history(tmp_path)) == 5
    said = "settings that the run did not have have today's values: "
    assert said in ended.output and "promote._target_" in ended.output.partition(said)[2]


@pytest.mark.slow  # starts several runs
def test_each_job_of_a_sweep_keeps_its_settings(conf, typed, tmp_path: Path):
    conf()
    sweep = ("--config-dir", "mine", "hydra.sweep.dir=sweep", "seed=0,1")
    assert typed("-m", "+experiment=mine", *sweep).code == 0
    conf(pareto="accuracy_params", proposals=9)
    ended = typed("resume=sweep")
    assert ended.code == 0, ended.error
    of_each = [len(RunFolder(tmp_path / "sweep" / each).trials()) for each in "01"]
    assert of_each == [4, 4]


EVIL = {"_target_": "os.system", "command": "touch ran"}


@pytest.mark.slow  # starts a program
def test_nothing_that_a_folder_saves_reaches_out_though_the_command_was_typed_here(
    conf, typed, tmp_path: Path
):
    begun(conf, typed)
    of_then = yaml.safe_load(saved(tmp_path).read_text())
    for change in (
        {"space": EVIL},
        {"track": {"x": EVIL}},
        {"promote": {"more": {"x": EVIL}}},
        {"space": {**of_then["space"], "choices": [EVIL]}},
    ):
        saved(tmp_path).write_text(yaml.safe_dump(of_then | change))
        typed("resume=run", "budget.proposals=5")
        assert not (tmp_path / "ran").exists(), "no class is built that no file of conf/ names"
    for change in ({"name": "${oc.env:HOME}"}, {"storage": "file:///x"}):
        saved(tmp_path).write_text(yaml.safe_dump(of_then | change))
        ended = typed("resume=run", "budget.proposals=6")
        assert ended.code == 1 and "was not typed on this machine" in ended.error


def test_a_saved_file_that_is_broken_is_named(conf, typed, tmp_path: Path):
    begun(conf, typed)
    saved(tmp_path).write_text("- a list\n")
    ended = typed("resume=run")
    assert ended.code == 1 and "config.yaml cannot be read: it is no mapping" in ended.error


ZERO_COST = "lmanet.train.ZeroCost"


@pytest.mark.parametrize(
    ("of_then", "of_now", "merged"),
    [
        ({"images": 8}, {"images": 64, "proxies": ["zen"]}, {"images": 8, "proxies": ["zen"]}),
        ({"images": 8, "gone": 1}, {"images": 64}, {"images": 8}),
    ],
)
def test_a_class_is_merged_setting_by_setting(of_then: Tree, of_now: Tree, merged: Tree):
    def node(settings: Tree) -> Tree:
        return {"train": {"zero_cost": {"_target_": ZERO_COST, **settings}}}

    assert as_saved(node(of_then), node(of_now), lambda *_: True) == node(merged)


def test_a_plain_mapping_is_one_value():
    today = {"space": {"_target_": ZERO_COST, "images": {"a": 1, "b": 2}}}
    before = {"space": {"_target_": ZERO_COST, "images": {"a": 3}}}
    assert as_saved(before, today, lambda *_: True) == before


def test_another_class_of_then_is_kept_where_it_still_is_one():
    today = {"promote": {"_target_": "lmanet.promote.Halving", "keep": 0.5}}
    before = {"promote": {"_target_": ZERO_COST, "images": 8, "gone": 1}}
    kept = {"promote": {"_target_": ZERO_COST, "images": 8}}
    assert as_saved(before, today, lambda *_: True) == kept
    assert as_saved(before, today, lambda _, name: name != ZERO_COST) == today


def test_a_class_of_then_has_the_name_of_today():
    def node(name: str) -> Tree:
        return {"target": {"_target_": name, "name": "x"}}

    today = node("lmanet.board.Target") | {"pareto": 1}
    assert as_saved(node("lmanet.validate.Target"), today, lambda *_: True) == today


def test_what_is_typed_away_is_away():
    today = {"track": {"events": 1}}
    kept = {"track": {"events": 1, "progress": 2}}
    assert with_typed(kept, today, ["~track.progress"], []) == today
