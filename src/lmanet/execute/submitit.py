"""Calls as jobs of SLURM, by submitit: each is a job of its own, which goes on where it stood when
it was preempted or its time was over.
"""

import logging
import shutil
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmanet.base import AtLeast1, require_packages
from lmanet.calls import Call, Returned
from lmanet.errors import ConfigError, WorkerLostError
from lmanet.execute.resources import CLUSTERS, RESULT, SLURM, Resources
from lmanet.execute.squeue import COMMANDS
from lmanet.execute.ticket import Ticket

if TYPE_CHECKING:
    from lmanet.execute.jobs import Jobs

log = logging.getLogger(__name__)
ATTEMPTS = 2  # of a call whose job is lost
POLL_SECONDS = 1.0  # between two looks for results
# A job that is over without a result: that may yet come, by a file system of several machines.
GRACE_SECONDS = 30.0
TIMED_OUT = "timed-out"  # in submitit's words


@dataclass
class _Job:
    """A job under way.

    Attributes:
        attempt: counts from 1.
        over_since: when it was first seen that it is over and has left no result.
    """

    call: Call
    job: Any
    attempt: int
    submitted_at: float
    over_since: float | None = None


class Submitit:
    """The engine whose workers are jobs: of SLURM, or to try it, processes on this machine.

    The driver runs where jobs can be submitted; its folder and lmanet lie where every node sees
    them, in the same place.

    Args:
        folder: of what driver and jobs hand each other; it is removed with the driver.
        cluster: ``slurm``; ``local``, processes on this machine; ``debug``, this process itself.
        jobs: under way at once, those in SLURM's queue counted.
        resources: of each.
        data: of the run; each job opens them itself.
    """

    def __init__(
        self,
        folder: str,
        cluster: str = SLURM,
        jobs: AtLeast1 = 16,
        resources: Resources | None = None,
        data: Any = None,
    ) -> None:
        if cluster not in CLUSTERS or jobs < 1:
            raise ConfigError(
                f"execute.engine: cluster={cluster}, jobs={jobs}; a cluster is one of "
                f"{', '.join(CLUSTERS)}, and jobs at least 1 (conf/execute/submitit.yaml)"
            )
        self.capacity = jobs
        self._above = Path(folder).absolute()
        self._cluster = cluster
        self._resources = resources or Resources()
        self._waiting: deque[tuple[Call, int]] = deque()  # with the attempt that it will be
        self._running: dict[int, _Job] = {}
        self._jobs: Jobs | None = None

    def require(self) -> None:
        """Find out, before a run, whether jobs can be submitted.

        Raises:
            ConfigError: a package, a command of SLURM or a parameter is missing or unknown.
        """
        require_packages("execute=submitit", "slurm", "submitit")
        if self._cluster != SLURM:
            return
        if missing := [name for name in COMMANDS if not shutil.which(name)]:
            raise ConfigError(
                f"execute=submitit needs SLURM's {', '.join(missing)} on this machine; start the "
                "run where jobs are submitted, or set execute.engine.cluster=local"
            )
        from lmanet.execute.jobs import executor

        executor(self._above, self._cluster, self._resources)

    def submit(self, call: Call) -> None:
        self._waiting.append((call, 1))

    def collect(self, wait: bool) -> list[Returned]:
        """What ended since the last call; what was submitted before it is handed in together, as
        far as there is room.

        Raises:
            ConfigError: SLURM refuses the jobs.
        """
        while True:
            self._hand_in()
            if self._jobs:
                self._jobs.refresh()
            ended = [each for each in map(self._look, list(self._running.values())) if each]
            if ended or not wait or not (self._running or self._waiting):
                return sorted(ended, key=lambda returned: returned.number)
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        running = [each.job for each in self._running.values()]
        self._waiting.clear()
        self._running.clear()
        if self._jobs:
            self._jobs.close(running)
            self._jobs = None

    def _hand_in(self) -> None:
        number = min(len(self._waiting), self.capacity - len(self._running))
        if number <= 0:
            return
        jobs = self._started()
        waiting = [self._waiting.popleft() for _ in range(number)]
        tickets = [
            Ticket(call._replace(shared=None), jobs.shared(call.shared), self._resources.cpus)
            for call, _ in waiting
        ]
        for (call, attempt), job in zip(waiting, jobs.hand_in(tickets), strict=True):
            log.info("call %d is job %s", call.number, job.job_id)
            self._running[call.number] = _Job(call, job, attempt, time.monotonic())

    def _look(self, one: _Job) -> Returned | None:
        """How a call ended, if it did."""
        jobs = self._started()
        state = jobs.state(one.job)
        if state is None:
            one.over_since = None
            return None
        if state == RESULT:
            returned = jobs.result(one.job)
            if isinstance(returned, str):
                return self._failed(one, returned)
            del self._running[one.call.number]
            return returned
        one.over_since = one.over_since or time.monotonic()
        if time.monotonic() - one.over_since < GRACE_SECONDS:
            return None
        return self._lost(one, state)

    def _failed(self, one: _Job, trace: str) -> Returned | None:
        """A job that handed in an error: its time was over too often, or it could not begin."""
        if TIMED_OUT not in trace:
            return self._lost(one, "failed")
        minutes = self._resources.minutes
        return self._given_up(
            one,
            f"job {one.job.job_id} was not done in {1 + self._resources.requeues} times "
            f"{minutes:g} minutes; raise execute.engine.resources.minutes or requeues",
        )

    def _lost(self, one: _Job, state: str) -> Returned | None:
        words = f"job {one.job.job_id} was lost ({state}): {self._started().last_words(one.job)}"
        if one.attempt < ATTEMPTS:
            log.warning("%s; call %d is tried once more", words, one.call.number)
            del self._running[one.call.number]
            self._waiting.append((one.call, one.attempt + 1))
            return None
        return self._given_up(one, f"its second {words}")

    def _given_up(self, one: _Job, words: str) -> Returned:
        self._started().last_words(one.job)
        del self._running[one.call.number]
        seconds = time.monotonic() - one.submitted_at
        return Returned(one.call.number, error=WorkerLostError(words), seconds=seconds)

    def _started(self) -> "Jobs":
        if self._jobs is None:
            from lmanet.execute.jobs import Jobs

            self.require()
            self._jobs = Jobs(self._above, self._cluster, self._resources)
        return self._jobs
