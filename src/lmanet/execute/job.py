"""One job: a training whose end, good or bad, is an outcome."""

import logging
import time

from lmanet.errors import (
    ConfigError,
    DataError,
    DiskError,
    LostProcessError,
    TrainingError,
    TrainingTimeoutError,
)
from lmanet.files import disk_error
from lmanet.run.records import Job, Outcome, Score, Status
from lmanet.steps import Trainer
from lmanet.stop import stop_first

log = logging.getLogger(__name__)
# A training ends itself after the recipe's max_seconds, but not where it hangs within one step. Its
# process is killed so much later, which leaves time to start it, to read images and to compile.
GRACE_SECONDS = 300.0


def run_job(trainer: Trainer, job: Job) -> Outcome:
    """Train a candidate; an error becomes a status and a sentence, since one bad candidate must not
    end a search.

    Raises:
        ConfigError: no candidate can be trained with these settings.
        DataError: nor with these images: a file is broken, or was taken away.
        DiskError: nor on this disk.
    """
    start = time.monotonic()

    def failed(status: Status, error: str) -> Outcome:
        return Outcome(
            number=job.number, status=status, error=error, seconds=time.monotonic() - start
        )

    try:
        with stop_first():
            if job.epochs == 0:
                measured = trainer.screen(job.architecture, job.seed)
                return Outcome(
                    number=job.number,
                    status=Status.PAUSED,
                    zero_cost=measured,
                    seconds=time.monotonic() - start,
                )
            score = _trained(trainer, job)
    except TrainingTimeoutError as error:
        return failed(Status.TIMED_OUT, str(error))
    except TrainingError as error:
        return failed(Status.FAILED, str(error))
    except (ConfigError, DataError, DiskError):
        raise  # no fault of the candidate: every other one would fail by it, too
    except Exception as error:
        if isinstance(error, OSError) and (of_disk := disk_error(error)):
            raise of_disk from error
        log.exception("trial %d: its training broke off", job.number)
        return failed(Status.FAILED, f"{type(error).__name__}: {error}")
    status = Status.TRAINED if job.epochs is None else Status.PAUSED
    return Outcome(number=job.number, status=status, score=score, seconds=time.monotonic() - start)


def most_seconds(trainer: Trainer) -> float | None:
    """After which a training hangs, from its hand-over to a process; None is no limit."""
    most: float | None = getattr(getattr(trainer, "recipe", None), "max_seconds", None)
    return None if most is None else most + GRACE_SECONDS


def hung(most: float | None) -> str:
    """The sentence on a training that was ended because it took longer than `most_seconds`."""
    return (
        f"the training hung: {GRACE_SECONDS:g} s after its max_seconds it had not ended "
        f"({most or 0:g} s in all), and its process was killed; see the recipe in conf/train"
    )


def _trained(trainer: Trainer, job: Job) -> Score:
    """Trained once more where a process beside it was lost, by no fault of the candidate."""
    try:
        return trainer.train(job)
    except LostProcessError as error:
        log.warning("trial %d is trained once more: %s", job.number, error)
        return trainer.train(job)
