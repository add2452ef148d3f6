"""A run that is killed goes on where it stood: a single run, its later
stages, and a whole sweep.
"""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from drivers import Driver, Drivers

from lmanet.run.records import Trial

pytestmark = pytest.mark.slow  # runs whole searches

SMALL = (
    "+experiment=smoke",
    "data.split.max_train_images=200",
    "train.mini.recipe.epochs=1",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
)


def kill_when(driver: Driver, ready: Callable[[], bool]) -> None:
    driver.until(ready, seconds=90)
    driver.send(signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL, f"ended before it could be killed:\n{driver.said}"


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def test_a_killed_search_goes_on(drivers: Drivers, tmp_path: Path):
    folder = tmp_path / "run"
    history = folder / "history.jsonl"
    small = (*SMALL, "stages=[search,report]", "budget={proposals:6,trained:null,seconds:null}")
    kill_when(
        drivers.start(tmp_path, *small, f"hydra.run.dir={folder}"), lambda: len(lines(history)) >= 2
    )
    before = lines(history)
    output = drivers.run(tmp_path, f"resume={folder}")
    after = lines(history)
    assert after[: len(before)] == before, "what was recorded stays"
    assert sorted(Trial.model_validate_json(line).number for line in after) == list(range(6))
    assert "report.md" in output and (folder / "report.md").exists()
    first = (folder / ".hydra" / "overrides.yaml").read_text()
    drivers.run(tmp_path, f"resume={folder}", "stages=[report]")
    assert (folder / ".hydra" / "overrides.yaml").read_text() == first, (
        "the overrides of one start are not those of the next"
    )


def test_another_space_is_refused_and_nothing_changes(drivers: Drivers, tmp_path: Path):
    folder = tmp_path / "run"
    drivers.run(
        tmp_path,
        *SMALL,
        "stages=[search]",
        "budget={proposals:1,trained:null,seconds:null}",
        f"hydra.run.dir={folder}",
    )
    before = lines(folder / "history.jsonl")
    driver = drivers.start(tmp_path, f"resume={folder}", "++space.choices.resolution=[48]")
    assert driver.wait() == 1 and "another setting of space" in driver.said
    assert lines(folder / "history.jsonl") == before


def test_a_killed_sweep_goes_on(drivers: Drivers, tmp_path: Path):
    folder = tmp_path / "sweep"
    sweep = (
        "-m",
        *SMALL,
        "stages=[search]",
        "budget={proposals:4,trained:null,seconds:null}",
        "seed=0,1",
        f"hydra.sweep.dir={folder}",
    )
    second = folder / "1" / "history.jsonl"
    kill_when(drivers.start(tmp_path, *sweep), lambda: len(lines(second)) >= 1)
    before = lines(folder / "0" / "history.jsonl"), lines(second)
    drivers.run(tmp_path, f"resume={folder}")
    assert lines(folder / "0" / "history.jsonl") == before[0], "the finished job is left as it is"
    assert lines(second)[: len(before[1])] == before[1] and len(lines(second)) == 4
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["0", "1"]


def test_a_promotion_that_is_killed_goes_on_from_its_checkpoint(drivers: Drivers, tmp_path: Path):
    folder = tmp_path / "run"
    halving = (
        "promote=halving",
        "promote.rungs=[1,2]",
        "train.mini.recipe.epochs=12",
        "stages=[search]",
    )
    budget = "budget={proposals:40,trained:1}"
    checkpoints, history = folder / "paused", folder / "history.jsonl"

    def trains_on() -> bool:
        """A promotion to the end has written epochs that no line of the history has."""
        read = [Trial.model_validate_json(line) for line in lines(history)]
        at_the_top = [trial for trial in read if trial.epochs == 2]
        return any(epochs_in(checkpoints / str(trial.number)) > 2 for trial in at_the_top)

    kill_when(
        drivers.start(tmp_path, *SMALL, *halving, budget, f"hydra.run.dir={folder}"), trains_on
    )
    before = lines(history)
    (number,) = (path.name for path in checkpoints.iterdir() if epochs_in(path) > 2)
    saved = epochs_in(checkpoints / number)
    output = drivers.run(tmp_path, f"resume={folder}")
    after = lines(history)
    assert after[: len(before)] == before and "1 trained" in output
    (trained,) = (
        trial for trial in map(Trial.model_validate_json, after) if trial.status == "trained"
    )
    assert str(trained.number) == number and trained.epochs == 12 > saved
    paused = next(
        trial
        for line in before
        if (trial := Trial.model_validate_json(line)).number == trained.number and trial.epochs == 2
    )
    assert trained.score.curve[:2] == paused.score.curve, (
        "its first epochs, to the second, are those of before"
    )
    assert not (checkpoints / number).exists()


def epochs_in(folder: Path) -> int:
    return (
        int(torch.load(folder / "last.ckpt", weights_only=False)["epoch"])
        if (folder / "last.ckpt").exists()
        else 0
    )
