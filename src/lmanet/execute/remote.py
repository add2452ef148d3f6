"""Candidates trained by an engine: on a cluster, or by a scheduler of jobs."""

import logging

from lmanet.calls import Call, Engine, Returned
from lmanet.errors import TrainingError, TrainingTimeoutError, WorkerLostError
from lmanet.execute.job import hung, most_seconds, run_job
from lmanet.run.records import Job, Outcome, Status
from lmanet.steps import Checked, Trainer

log = logging.getLogger(__name__)
MOST_LOST = 3  # candidates in a row: where every worker is lost, none can be trained


class Remote:
    """The executor over an engine.

    Args:
        trainer: is brought to each worker once.
    """

    def __init__(self, trainer: Trainer, engine: Engine) -> None:
        self.trainer = trainer
        self.engine = engine
        self._lost = 0  # candidates since a training last came to its end

    @property
    def capacity(self) -> int:
        return self.engine.capacity

    def require(self) -> None:
        """Find out, before a run, what the engine lacks."""
        if isinstance(self.engine, Checked):
            self.engine.require()

    def submit(self, job: Job) -> None:
        files = tuple(path for path in (job.folder, job.parent, job.weights) if path)
        most = most_seconds(self.trainer)
        self.engine.submit(Call(job.number, run_job, self.trainer, (job,), files, most))

    def collect(self, wait: bool) -> list[Outcome]:
        """Outcomes since the last call.

        Raises:
            ConfigError: no candidate can be trained with these settings.
            DataError: nor with these images.
            TrainingError: one worker after the other is lost.
        """
        return [self._outcome(returned) for returned in self.engine.collect(wait)]

    def close(self) -> None:
        self.engine.close()

    def _outcome(self, returned: Returned) -> Outcome:
        # of the engine: where a training itself says that its time is over, that is an outcome
        if isinstance(returned.error, TrainingTimeoutError):
            self._lost = 0
            return _ended(returned, Status.TIMED_OUT, hung(most_seconds(self.trainer)))
        if not isinstance(returned.error, WorkerLostError):
            self._lost = 0
            outcome: Outcome = returned.result()
            return outcome
        self._lost += 1
        log.warning("candidate %d: %s", returned.number, returned.error)
        if self._lost >= MOST_LOST:
            raise TrainingError(f"{self._lost} candidates in a row: {returned.error}")
        return _ended(returned, Status.FAILED, str(returned.error))


def _ended(returned: Returned, status: Status, error: str) -> Outcome:
    return Outcome(number=returned.number, status=status, error=error, seconds=returned.seconds)
