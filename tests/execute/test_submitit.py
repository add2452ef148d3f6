"""Calls as jobs, by submitit: in this process, as processes, and as jobs of a real SLURM where it
is installed (`test_slurm.py`).
"""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmanet.calls import Call, Engine, Returned
from lmanet.errors import ConfigError, DataError, TrainingError, WorkerLostError
from lmanet.execute import Resources, Submitit, jobs, submitit
from lmanet.execute.ticket import OPEN

pytestmark = pytest.mark.slow  # starts processes


def power(base: int, exponent: int) -> int:
    return int(base**exponent)


def fail(shared: object, error: Exception) -> None:
    raise error


def die_at_first(shared: object, note: Path, times: int) -> str:
    """Is killed so many times, as by a machine that has no memory left."""
    with note.open("a") as file:
        file.write("x")
    if note.stat().st_size <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitit, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(submitit, "GRACE_SECONDS", 1.0)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """An engine whose jobs are processes, with the resources that are given."""
    made: list[Submitit] = []

    def make(**resources: object) -> Submitit:
        given = Resources(**{"cpus": 1, **resources})
        made.append(Submitit(str(tmp_path / "jobs"), "local", jobs=4, resources=given))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def drain(engine: Engine, count: int) -> dict[int, Returned]:
    returned: dict[int, Returned] = {}
    while len(returned) < count:
        returned.update({each.number: each for each in engine.collect(wait=True)})
    return returned


# submitit leaves the logs of its debug executor open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_calls_end_with_a_value_or_an_error_of_their_own(cluster: str, tmp_path: Path):
    engine = Submitit(str(tmp_path / "jobs"), cluster, jobs=3, resources=Resources(cpus=1))
    assert engine.capacity == 3 and engine.collect(wait=True) == []
    engine.submit(Call(4, power, 2, (5,)))
    engine.submit(Call(1, power, 3, (2,)))
    engine.submit(Call(2, fail, None, (DataError("photo.png cannot be read"),)))
    engine.submit(Call(3, fail, None, (ZeroDivisionError("a bug"),)))
    returned = drain(engine, 4)
    assert (returned[4].value, returned[1].value) == (32, 9)
    assert isinstance(returned[2].error, DataError)
    assert str(returned[2].error) == "photo.png cannot be read"
    assert isinstance(returned[3].error, TrainingError) and "a bug" in str(returned[3].error)
    engine.close()
    engine.close()
    assert not any((tmp_path / "jobs").iterdir()), "what they handed each other is removed"


def test_no_more_jobs_are_under_way_than_was_set(tmp_path: Path):
    given = Resources(cpus=1)
    engine = Submitit(str(tmp_path / "jobs"), "local", jobs=2, resources=given)
    for number in range(3):
        engine.submit(Call(number, power, 2, (number,)))
    engine.collect(wait=False)
    assert len(list((tmp_path / "jobs").glob("*/*_submitted.pkl"))) == 2
    assert {number: each.value for number, each in drain(engine, 3).items()} == {0: 1, 1: 2, 2: 4}
    engine.close()


def test_what_calls_share_is_written_once(local, tmp_path: Path):
    engine, shared = local(), list(range(1000))
    for number in range(2):
        engine.submit(Call(number, power, 2, (number,)))
        engine.submit(Call(10 + number, len_of, shared))
    returned = drain(engine, 4)
    assert returned[10].value == returned[11].value == 1000
    assert len(list((tmp_path / "jobs").glob("*/shared_*"))) == 2


def len_of(shared: list[int]) -> int:
    return len(shared)


def interrupt(folder: Path) -> None:
    """Do to the job what its scheduler does before it takes it away, after some steps."""
    done = folder / "steps"
    before = done.read_text() if done.exists() else ""
    while not done.exists() or len(done.read_text()) < len(before) + 15:
        time.sleep(0.05)
    os.kill(int(done.read_text().split()[-1]), signal.SIGUSR2)


@pytest.mark.parametrize("minutes", [60, 5])  # preempted; of 5 minutes the time counts as over
def test_a_job_that_is_interrupted_requeues_itself_and_goes_on(
    local, steps, tmp_path: Path, minutes: float
):
    engine = local(minutes=minutes, requeues=1)
    engine.submit(Call(0, steps, "steps", (tmp_path, 10, 0.5)))
    engine.collect(wait=False)
    interrupt(tmp_path)
    assert drain(engine, 1)[0].value == 10
    done = (tmp_path / "steps").read_text().split()
    assert len(done) == 10 and len(set(done)) == 2, "two processes, and no step was done twice"


def test_a_job_whose_time_is_over_too_often_is_given_up_and_says_what_to_raise(
    local, steps, tmp_path: Path
):
    engine = local(minutes=5, requeues=1)
    engine.submit(Call(0, steps, "steps", (tmp_path, 1000, 0.5)))
    engine.collect(wait=False)
    interrupt(tmp_path)
    interrupt(tmp_path)
    returned = drain(engine, 1)[0]
    assert isinstance(returned.error, WorkerLostError)
    assert "not done in 2 times 5 minutes; raise" in str(returned.error)


def test_a_job_that_was_killed_is_tried_once_more(local, tmp_path: Path):
    engine = local()
    engine.submit(Call(0, die_at_first, None, (tmp_path / "once", 1)))
    engine.submit(Call(1, die_at_first, None, (tmp_path / "always", 9)))
    engine.submit(Call(2, power, 2, (2,)))
    returned = drain(engine, 3)
    assert returned[0].value == "done" and returned[2].value == 4
    assert isinstance(returned[1].error, WorkerLostError)
    assert "its second job" in str(returned[1].error)
    assert (tmp_path / "always").read_text() == "xx"
    engine.close()
    logs = {path.suffix for path in (tmp_path / "jobs").glob("*/*")}
    assert logs == {".err", ".out"}, "of jobs that were lost, the logs stay"


def test_close_ends_what_runs(local, steps, tmp_path: Path):
    engine = local()
    engine.submit(Call(0, steps, "steps", (tmp_path, 1000, 0.5)))
    engine.collect(wait=False)
    while not (tmp_path / "steps").exists():
        time.sleep(0.05)
    engine.close()
    before = (tmp_path / "steps").read_bytes()
    time.sleep(1.5)
    assert (tmp_path / "steps").read_bytes() == before
    engine.submit(Call(1, power, 2, (3,)))
    assert drain(engine, 1)[1].value == 8, "and a later call is computed all the same"


def be_killed(folder: Path, steps: Callable[..., int]) -> None:
    engine = Submitit(str(folder / "jobs"), "local", resources=Resources(cpus=1))
    engine.submit(Call(0, steps, "steps", (folder, 1000, 0.5)))
    engine.collect(wait=False)
    while not (folder / "steps").exists():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_jobs_of_a_driver_that_was_killed_end_before_those_of_the_next_begin(
    local, steps, tmp_path: Path
):
    """They would write into the same checkpoints."""
    code = f"from pathlib import Path\nfrom {__name__} import be_killed\n"
    code += f"from {steps.__module__} import {steps.__name__}\n"
    code += f"be_killed(Path({str(tmp_path)!r}), {steps.__name__})"
    killed = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    engine = local()
    engine.submit(Call(0, power, 2, (3,)))
    engine.collect(wait=False)
    before = (tmp_path / "steps").read_bytes()
    assert drain(engine, 1)[0].value == 8
    time.sleep(1.0)
    assert (tmp_path / "steps").read_bytes() == before


class Planted:
    def __init__(self, note: Path) -> None:
        self.note = note

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.note,)


def test_what_a_stranger_left_among_the_jobs_is_never_read(local, tmp_path: Path):
    planted = tmp_path / "jobs" / "x"
    planted.mkdir(parents=True)
    (planted / OPEN).touch()
    for number in (1, os.getpid()):
        for name in ("submitted", "0_result"):
            content = pickle.dumps(Planted(tmp_path / "executed"))
            (planted / f"{number}_{name}.pkl").write_bytes(content)
    engine = local()
    engine.submit(Call(0, power, 2, (3,)))
    assert drain(engine, 1)[0].value == 8
    assert not (tmp_path / "executed").exists() and not planted.exists()


def test_a_folder_that_a_stranger_named_ends_no_other_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SLURM would take what stands after a comma as the name of more jobs of this user."""
    asked: list[str] = []
    monkeypatch.setattr(
        jobs.Squeue, "cancel_and_wait", lambda queue, _: not asked.extend(queue._mine)
    )
    for name in ("tmpa_b0c1d2", "tmpx,thesis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / OPEN).touch()
    jobs._end_earlier(tmp_path, "slurm")
    assert asked == ["--me", "--name=lmanet_tmpa_b0c1d2"]
    assert not list(tmp_path.iterdir())


def test_where_jobs_cannot_be_submitted_that_is_said_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs SLURM's sbatch, srun, squeue, scancel, scontrol"):
        Submitit(str(tmp_path)).require()
    Submitit(str(tmp_path), "local").require()


@pytest.mark.parametrize("settings", [{"cluster": "pbs"}, {"jobs": 0}])
def test_an_unknown_cluster_and_no_jobs_are_refused(tmp_path: Path, settings):
    with pytest.raises(ConfigError, match="one of slurm, local, debug, and jobs at least 1"):
        Submitit(str(tmp_path), **settings)
