"""Calls as jobs of a real SLURM, of one node on this machine: `apt-get install slurmctld slurmd
slurm-client` brings it.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmanet.calls import Call, Engine, Returned
from lmanet.errors import ConfigError, WorkerLostError
from lmanet.execute import Resources, Submitit, squeue, submitit
from lmanet.execute.squeue import Squeue

DAEMONS = ("slurmctld", "slurmd")
pytestmark = [
    pytest.mark.slow,  # starts processes
    pytest.mark.skipif(
        not all(map(shutil.which, (*DAEMONS, *squeue.COMMANDS))), reason="SLURM is not installed"
    ),
]
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={other_port}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
KillWait=2
MinJobAge=20
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=work Nodes=ALL Default=YES State=UP MaxTime=INFINITE
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster's folder, with its configuration in the environment."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = {"port": one.getsockname()[1], "other_port": other.getsockname()[1]}
    given = {"host": socket.gethostname().split(".")[0], "user": getpass.getuser()}
    (folder / "slurm.conf").write_text(CONF.format(folder=folder, **ports, **given))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        with (folder / "daemons.log").open("w") as log:
            daemons = [subprocess.Popen([name, "-D"], stdout=log, stderr=log) for name in DAEMONS]
        try:
            wait_until(lambda: "idle" in run("sinfo", "--noheader", "--format=%T"))
            yield folder
        finally:
            for daemon in daemons:
                daemon.terminate()
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:  # slurmd waits for a step that nobody ends
                    daemon.kill()
                    daemon.wait()


@pytest.fixture
def engine(
    cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Submitit]]:
    """An engine with the resources that are given."""
    monkeypatch.setattr(submitit, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(submitit, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(squeue.Squeue.__init__, "__defaults__", (0.5,))
    made: list[Submitit] = []

    def make(**resources: object) -> Submitit:
        given = Resources(**{"cpus": 1, **resources})
        made.append(Submitit(str(tmp_path / "jobs"), jobs=4, resources=given))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def job_ids() -> list[str]:
    return run("squeue", "--noheader", "--array", "--format=%i").split()


def drain(engine: Engine, count: int) -> dict[int, Returned]:
    returned: dict[int, Returned] = {}
    while len(returned) < count:
        returned.update({each.number: each for each in engine.collect(wait=True)})
    return returned


def where(shared: str, number: int) -> tuple[str, str]:
    return f"{shared}{number}", os.environ.get("SLURM_ARRAY_TASK_ID", "alone")


def variable(shared: str) -> str | None:
    return os.environ.get(shared)


def die(shared: object, note: Path, times: int) -> str:
    with note.open("a") as file:
        file.write("x")
    if note.stat().st_size <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def started(engine: Engine, folder: Path) -> None:
    engine.collect(wait=False)
    wait_until(lambda: (folder / "steps").exists() and (folder / "steps").stat().st_size > 10)


def test_calls_handed_in_together_are_an_array(engine):
    jobs = engine()
    for number in range(3):
        jobs.submit(Call(number, where, "call ", (number,)))
    assert {each.value for each in drain(jobs, 3).values()} == {
        (f"call {number}", str(number)) for number in range(3)
    }
    jobs.submit(Call(3, where, "call ", (3,)))
    assert drain(jobs, 1)[3].value == ("call 3", "alone")


def test_a_driver_that_is_a_job_itself_hands_down_nothing_of_it(engine, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for name in ("SLURM_MEM_PER_CPU", "SLURM_MEM_PER_NODE"):  # both together are refused
        monkeypatch.setenv(name, "100")
    jobs = engine()
    jobs.submit(Call(0, variable, "SLURM_MEM_PER_CPU"))
    assert drain(jobs, 1)[0].value is None
    assert os.environ["SLURM_MEM_PER_CPU"] == "100"


@pytest.mark.parametrize("minutes", [60, 5])  # preempted; of 5 minutes the time counts as over
def test_a_job_that_is_interrupted_requeues_itself_and_goes_on(
    engine, steps, tmp_path: Path, minutes
):
    jobs = engine(minutes=minutes, requeues=1)
    jobs.submit(Call(0, steps, "steps", (tmp_path, 30, 0.3)))
    started(jobs, tmp_path)
    (number,) = job_ids()
    run("scancel", number, "--signal", "TERM")  # as before a preemption; it ends nothing
    run("scancel", number, "--signal", "USR2")
    wait_until(lambda: "PENDING" in run("squeue", "--noheader", "--format=%T"))
    # SLURM lets a job that was requeued wait for two minutes.
    run("scontrol", "update", f"job={number}", "starttime=now")
    assert drain(jobs, 1)[0].value == 30
    done = (tmp_path / "steps").read_text().split()
    assert len(done) == 30 and len(set(done)) == 2, "two processes, and no step was done twice"


def test_a_job_that_is_lost_is_tried_once_more(engine, tmp_path: Path):
    jobs = engine()
    jobs.submit(Call(0, die, None, (tmp_path / "once", 1)))
    jobs.submit(Call(1, die, None, (tmp_path / "always", 9)))
    returned = drain(jobs, 2)
    assert returned[0].value == "done"
    assert isinstance(returned[1].error, WorkerLostError)
    assert "FAILED" in str(returned[1].error)
    assert (tmp_path / "always").read_text() == "xx"


def test_a_job_that_somebody_cancels_is_tried_once_more(engine, steps, tmp_path: Path):
    jobs = engine()
    jobs.submit(Call(0, steps, "steps", (tmp_path, 10, 0.3)))
    started(jobs, tmp_path)
    run("scancel", *job_ids())
    assert drain(jobs, 1)[0].value == 10
    assert len((tmp_path / "steps").read_text().split()) == 10


def test_close_cancels_the_jobs_of_this_driver_alone(engine, steps, tmp_path: Path):
    other = run("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 60").strip()
    jobs = engine()
    jobs.submit(Call(0, steps, "steps", (tmp_path, 1000, 0.3)))
    started(jobs, tmp_path)
    assert len(job_ids()) == 2
    jobs.close()
    wait_until(lambda: job_ids() == [other])
    run("scancel", other)


def test_the_jobs_of_a_driver_that_was_killed_end_before_those_of_the_next_begin(
    engine, steps, tmp_path: Path
):
    killed = engine()
    killed.submit(Call(0, steps, "steps", (tmp_path, 1000, 0.3)))
    started(killed, tmp_path)
    jobs = engine()
    jobs.submit(Call(0, where, "call ", (0,)))
    jobs.collect(wait=False)
    before = (tmp_path / "steps").read_bytes()
    assert drain(jobs, 1)[0].value[0] == "call 0"
    time.sleep(1.0)
    assert (tmp_path / "steps").read_bytes() == before


def test_what_slurm_refuses_is_said_in_its_words(engine):
    jobs = engine(partition="nowhere")
    jobs.require()
    jobs.submit(Call(0, where, "call ", (0,)))
    with pytest.raises(ConfigError, match=r"SLURM takes no job: .*invalid partition"):
        jobs.collect(wait=True)


def test_a_parameter_that_submitit_does_not_know_is_said_before_the_run(engine):
    engine(more={"qos": "high"}).require()
    with pytest.raises(ConfigError, match=r"resources\.more: .*colour"):
        engine(more={"colour": "red"}).require()


def test_where_the_queue_does_not_answer_no_job_is_taken_for_lost(
    cluster: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    queue = Squeue("lmanet_none", every_seconds=0)
    assert queue.over("1") == squeue.GONE
    monkeypatch.setattr(squeue, "LONGEST_SECONDS", 1.0)
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "none"))
    assert queue.over("1") is None
