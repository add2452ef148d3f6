"""What can go wrong around a training: it hangs, memory or a process is missing, its checkpoint is
not whole.
"""

import logging
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch

from lmanet.errors import LostProcessError, TrainingError, TrainingTimeoutError
from lmanet.files import is_whole_zip

log = logging.getLogger(__name__)
GRACE, GRACE_SECONDS = 0.1, 60.0  # beyond the limit: a validation after the last step may be long


@contextmanager
def hang_ended(max_seconds: float | None) -> Iterator[None]:
    """Give up a training that is far beyond its limit, wherever it waits: for images, or a process.

    The limit itself is checked after each step. An operation of torch that never returns is ended
    by no signal, but by whoever kills the process (`lmanet.execute.workers`, `ray_pool`).

    Raises:
        TrainingTimeoutError: in the midst of what hangs.
    """
    if (
        max_seconds is None
        or not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    seconds = (1 + GRACE) * max_seconds + GRACE_SECONDS

    def give_up(number: int, frame: FrameType | None) -> NoReturn:
        raise TrainingTimeoutError(
            f"the training hung: {seconds:.0f} s were over, and max_seconds={max_seconds:g} had "
            "not ended it after a step; look for what its images wait for"
        )

    before, start = signal.signal(signal.SIGALRM, give_up), time.monotonic()
    others, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # Somebody else's alarm comes when it would have come.
        left = max(others - (time.monotonic() - start), 1e-3) if others else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)


def taken_up(last: Path | None) -> Path | None:
    """The checkpoint of a training that goes on; None where there is none, or none that is whole:
    then it begins anew, and that is said.
    """
    if last is None or not last.is_file():
        return None
    if is_whole_zip(last):
        return last
    log.warning("%s is damaged, so this training begins anew", last)
    last.unlink()
    return None


@contextmanager
def named_errors() -> Iterator[None]:
    """Say of what a training was short.

    Raises:
        TrainingError: memory did not suffice, or a process that reads images was killed.
    """
    with warnings.catch_warnings():
        # Images in memory are fetched by one index operation: a worker process would only copy
        # them.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # Where SLURM's jobs are submitted, Lightning misses its command before it.
        warnings.filterwarnings("ignore", message=".*srun. command is available.*")
        # Lightning 2.6 asks torch 2.14 for a class that it means to rename.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        try:
            yield
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise TrainingError(
                "training ran out of memory; take a smaller batch_size or resolution in conf/"
            ) from error
        except RuntimeError as error:  # torch raises it anywhere, from a signal
            if not str(error).startswith("DataLoader worker"):
                raise
            raise LostProcessError(
                f"a process that reads images was killed ({error}); see the machine's log, or "
                "lower data.loading.num_workers"
            ) from error
