"""Jobs of one driver: handed in by submitit, looked after, and taken back."""

import logging
import os
import pickle
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

from lmanet.calls import Returned
from lmanet.errors import ConfigError
from lmanet.execute.resources import DEBUG, LOCAL, RESULT, SLURM, Resources
from lmanet.execute.squeue import Squeue
from lmanet.execute.ticket import OPEN, WATCH_SECONDS, Ticket

log = logging.getLogger(__name__)
EARLIER_SECONDS = 120.0  # that the jobs of a driver which was killed may take to end
SUBMISSIONS, BETWEEN_SECONDS = 3, 10.0  # where SLURM's controller does not answer
DRAWN = re.compile(r"tmp[a-z0-9_]+")  # by mkdtemp; SLURM would read "a,b" as two names
PASSING = ("timed out", "contact", "temporarily")
Job = Any  # of submitit, which has no common public name for them


class Jobs:
    """The jobs of a driver, from its start to its end.

    Those of a driver that was killed are ended first: they would write into the same files.

    Args:
        above: folder in which this driver's own is made.
        cluster: ``slurm``, ``local`` or ``debug``.
    """

    def __init__(self, above: Path, cluster: str, resources: Resources) -> None:
        self._cluster = cluster
        self._resources = resources
        above.mkdir(parents=True, exist_ok=True)
        _end_earlier(above, cluster)
        # nobody else may write there: what a job hands in is read by pickle
        self.folder = Path(tempfile.mkdtemp(dir=above))
        (self.folder / OPEN).touch()
        self._queue = Squeue(_name(self.folder))
        self._executor = executor(self.folder, cluster, resources)
        self._shared: dict[int, tuple[object, Path]] = {}
        self._lost: set[str] = set()

    def shared(self, thing: object) -> Path:
        """The file of what several calls share, written once."""
        if id(thing) not in self._shared:
            path = self.folder / f"shared_{len(self._shared)}.pickle"
            path.write_bytes(pickle.dumps(thing))
            self._shared[id(thing)] = thing, path  # kept, so that no other gets its id
        return self._shared[id(thing)][1]

    def hand_in(self, tickets: Sequence[Ticket]) -> list[Job]:
        """Submit them together.

        Raises:
            ConfigError: SLURM refuses them, or does not answer.
        """
        for left in reversed(range(SUBMISSIONS)):
            try:
                with _as_no_job():
                    return list(self._executor.submit_array(tickets))
            except (FailedJobError, FailedSubmissionError) as error:
                said = " ".join(str(error).split())
                if left and any(word in said for word in PASSING):
                    log.warning("no job could be submitted (%s); it is tried again", said)
                    time.sleep(BETWEEN_SECONDS)
                    continue
                raise ConfigError(
                    f"SLURM takes no job: {said}; correct execute.engine.resources "
                    "(conf/execute/submitit.yaml), or ask who runs the cluster"
                ) from error
        raise AssertionError("unreachable")

    def refresh(self) -> None:
        """Have a file system of several machines look for new results: it remembers for a while
        what was not there, and asks anew where it has changed something itself.
        """
        self.folder.chmod(0o700)

    def state(self, job: Job) -> str | None:
        """`RESULT`, or the state in which it ended without one; None where it is under way."""
        if self._cluster == DEBUG:
            return RESULT if job.done() else None
        if job.paths.result_pickle.exists():
            return RESULT
        if self._cluster == SLURM:
            return self._queue.over(job.job_id)
        return str(job.state) if job.done() else None

    def result(self, job: Job) -> Returned | str:
        """What a job has handed in, and then its files are removed; or, in words, why its call was
        not computed.
        """
        try:
            returned: Returned = job.result()
        except UncompletedJobError as error:
            return str(error)
        for path in self.folder.glob(f"{job.job_id}_*"):
            path.unlink(missing_ok=True)
        return returned

    def last_words(self, job: Job) -> str:
        """The last line that a lost job has written; its log is kept."""
        self._lost.add(job.job_id)
        try:
            lines = job.paths.stderr.read_text(errors="replace").split("\n")
        except OSError:
            return f"see {job.paths.stderr}"
        said = next((line.strip() for line in reversed(lines) if line.strip()), "no word")
        return f"{said[:200]}; see {job.paths.stderr}"

    def close(self, running: Sequence[Job]) -> None:
        """End all jobs; of what they left, the logs of those that were lost stay."""
        (self.folder / OPEN).unlink(missing_ok=True)
        if self._cluster == SLURM:
            self._queue.cancel()  # also those whose handing in was interrupted
        elif self._cluster == LOCAL:
            for job in running:
                job.cancel()
            _wait_for(running)
        logs = tuple(f"{each}_" for each in self._lost)
        for path in self.folder.glob("*"):
            if not path.name.startswith(logs) or path.suffix == ".pkl":
                path.unlink(missing_ok=True)
        if not self._lost:
            shutil.rmtree(self.folder, ignore_errors=True)


def executor(folder: Path, cluster: str, resources: Resources) -> Any:
    """Of submitit.

    Raises:
        ConfigError: it does not know a parameter.
    """
    if cluster == DEBUG:
        return submitit.DebugExecutor(folder)
    made = (submitit.SlurmExecutor if cluster == SLURM else submitit.LocalExecutor)(
        folder, max_num_timeout=resources.requeues
    )
    try:
        made.update_parameters(
            **(
                resources.of_slurm(_name(folder))
                if cluster == SLURM
                else resources.of_this_machine()
            )
        )
    except (ValueError, TypeError) as error:
        unknown = " ".join(str(error).split())
        raise ConfigError(f"execute.engine.resources.more: {unknown} (conf/execute)") from error
    return made


def _end_earlier(above: Path, cluster: str) -> None:
    for folder in above.iterdir():
        if not (folder / OPEN).is_file():
            continue
        log.info("ending the jobs of an earlier driver")
        (folder / OPEN).unlink()
        if not DRAWN.fullmatch(folder.name):
            log.warning("%s was made by no driver: nothing is ended by its name", folder)
        elif cluster != SLURM:
            time.sleep(2 * WATCH_SECONDS + 1)  # each looks for that file so often
        elif not Squeue(_name(folder)).cancel_and_wait(EARLIER_SECONDS):
            raise ConfigError(
                f"jobs of an earlier driver of this run are still there: end those named "
                f"{_name(folder)} by scancel, then resume"
            )
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _as_no_job() -> Iterator[None]:
    """Where the driver is itself a job of SLURM: hand down nothing of what that job was given."""
    if "SLURM_JOB_ID" not in os.environ:
        yield
        return
    of_the_user = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or name.startswith("SBATCH_")
    }
    with submitit.helpers.clean_env():
        os.environ.update(of_the_user)
        yield


def _name(folder: Path) -> str:
    """Of all jobs of a driver: no other's are found by it."""
    return f"lmanet_{folder.name}"


def _wait_for(jobs: Sequence[Job]) -> None:
    deadline = time.monotonic() + 2 * WATCH_SECONDS + 10
    while not all(job.done() for job in jobs) and time.monotonic() < deadline:
        time.sleep(0.1)
