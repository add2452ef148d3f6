"""A run's folder: made by one start alone, worked on by one process at a time, gone again where
nothing came of it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from lmanet.app import lock as module
from lmanet.app.lock import claimed, leave_nothing, require_room
from lmanet.errors import ConfigError

pytestmark = pytest.mark.slow  # starts run.py

TINY = ("+experiment=bench_lmanet", "propose=sampler", "budget.proposals=3")


def test_a_typed_second_driver_is_refused_and_changes_nothing(
    typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    assert typed(*TINY, "hydra.run.dir=run").code == 0
    before = {
        path: path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    hold = "import sys\nfrom pathlib import Path\nfrom lmanet.app.lock import owned\n"
    hold += "with owned(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    command = [sys.executable, "-c", hold, str(tmp_path / "run")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        ended = typed("resume=run", "budget.proposals=9")
        other.communicate("")
    assert ended.code == 1 and "another process works in" in ended.error
    assert before == {path: path.read_bytes() for path in before}


def test_a_start_that_fails_leaves_no_folder_and_one_with_results_keeps_its_own(tmp_path: Path):
    path = tmp_path / "multirun" / "name" / "date"
    with pytest.raises(ConfigError), claimed(path, given=False) as folder:
        (folder / "run.log").write_text("a line")
        (folder / ".hydra").mkdir()
        raise ConfigError("refused")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError), claimed(path, given=False) as folder:
        (folder / "history.jsonl").write_text("a line")
        raise ConfigError("broke off")
    assert (path / "history.jsonl").exists()


def test_a_folder_in_which_another_has_begun_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between the moment when a start makes it and the one when it owns it."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    another = FileLock(tmp_path / "run" / ".lock", is_singleton=False)

    def made_and_taken(folder: Path, given: bool) -> tuple[Path, bool]:
        folder.mkdir()
        another.acquire()
        (folder / "run.log").write_text("the other's\n")
        return folder, True

    monkeypatch.setattr(module, "_make", made_and_taken)
    with (
        pytest.raises(ConfigError, match="another process works in"),
        claimed(tmp_path / "run", given=True),
    ):
        pass
    assert (tmp_path / "run" / "run.log").exists()
    another.release()


def test_a_stop_in_the_moment_when_the_folder_is_made_leaves_none(
    typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make = module._make

    def made_and_stopped(folder: Path, given: bool) -> tuple[Path, bool]:
        made = make(folder, given)
        os.kill(os.getpid(), signal.SIGTERM)
        return made

    monkeypatch.setattr(module, "_make", made_and_stopped)
    ended = typed(*TINY, "hydra.run.dir=run")
    assert ended.code == 143 and "nothing is left of this start" in ended.error
    assert not (tmp_path / "run").exists()


def test_what_goes_wrong_in_a_run_is_not_laid_on_its_folder(tmp_path: Path):
    with pytest.raises(ConnectionRefusedError, match="W&B"), claimed(tmp_path / "run", given=True):
        raise ConnectionRefusedError("W&B")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(tmp_path: Path):
    given = tmp_path / "mine"
    given.mkdir()
    with claimed(given, given=True):
        pass
    assert given.is_dir()
    leave_nothing(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"file is a file; name a folder"),
        claimed(tmp_path / "file", given=True),
    ):
        pass
    with pytest.raises(
        ConfigError,
        match=r"run cannot be written \(Not a directory.*\); choose another with hydra.run.dir=",
    ):
        claimed(tmp_path / "file" / "run", given=False).__enter__()


def test_a_full_disk_is_said_before_the_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 2**80)
    with pytest.raises(ConfigError, match=r"has \d+ MB left on its disk, and a run needs at least"):
        require_room(tmp_path)


def test_what_a_run_has_left_is_named_by_whole_paths(
    typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    long = "a_name_that_is_rather_long_for_a_terminal_of_eighty_columns"
    ended = typed(*TINY, f"name={long}")
    assert ended.code == 0 and "…" not in ended.output.split("Pareto front")[1].split("trained")[-1]
    shown = [
        line.split()[0] for line in ended.output.splitlines() if line.startswith(f"multirun/{long}")
    ]
    assert [Path(path).name for path in shown] == ["history.jsonl", "front.json"] and all(
        (tmp_path / path).exists() for path in shown
    )
    (line,) = [line for line in ended.output.splitlines() if line.startswith("Next: ")]
    assert (tmp_path / line.split("resume=")[1].split()[0]).is_dir()
