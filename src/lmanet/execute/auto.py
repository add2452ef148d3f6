"""How many candidates are trained at once, and on how many CPU threads each: what ``workers: auto``
chooses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import joblib

from lmanet.errors import ConfigError

GIB = 2**30
AUTO = "auto"  # in place of a number that is to be chosen


class Share(NamedTuple):
    """Processes, the CPU threads of each, and why."""

    workers: int
    threads: int
    reason: str


@dataclass(frozen=True)
class Auto:
    """What the choice goes by.

    On CPU a candidate has a core of its own: on two cores busy with other work, two on one thread
    each trained 279 images/s together, and one on two threads 18, since its threads spin while they
    wait for each other (11.1M MACs, median of 5 rounds in turns, benchmarks/candidates_at_once.py;
    on idle cores not yet measured). Where there are more cores than candidates that may run, they
    are divided into equal groups.

    Attributes:
        accelerator: ``cpu``, ``gpu``, or ``auto``: the GPUs where there are any.
        spare_cores: left to others, such as an embedded language model.
        most: candidates at once on the CPU; more would only be proposed from an older history.
        most_per_gpu: not yet measured.
        gpu_bytes_each: memory that a candidate's process is given to need, its CUDA context with
            it; not yet measured.
    """

    accelerator: str = "auto"
    spare_cores: int = 0
    most: int = 8
    most_per_gpu: int = 4
    gpu_bytes_each: int = 4 * GIB

    def __post_init__(self) -> None:
        if self.accelerator not in ("auto", "cpu", "gpu"):
            raise ConfigError(
                f"execute: accelerator={self.accelerator}; legal are auto, cpu, gpu "
                "(conf/execute/workers.yaml)"
            )
        if self.spare_cores < 0 or min(self.most, self.most_per_gpu, self.gpu_bytes_each) < 1:
            raise ConfigError(
                f"execute: {self}; spare_cores is at least 0, the others at least 1 "
                "(conf/execute/workers.yaml)"
            )

    def share(self, workers: int | None, threads: int | None) -> Share:
        """Processes and threads on this machine, as it is now.

        Args:
            workers, threads: where they are given; None is to be chosen.
        """
        # heeds affinity and a container's quota
        cores = max(1, joblib.cpu_count() - self.spare_cores)
        gpus = free_gpu_bytes() if self.accelerator != "cpu" and workers is None else []
        return (
            self.share_gpus(gpus, cores, threads)
            if gpus
            else self.share_cores(cores, workers, threads)
        )

    def share_cores(self, cores: int, workers: int | None, threads: int | None) -> Share:
        """Workers x threads fill the cores, so far as they are not given otherwise."""
        workers = workers or min(self.most, max(1, cores // (threads or 1)))
        return Share(workers, threads or max(1, cores // workers), f"{cores} cores")

    def share_gpus(self, free_bytes: Sequence[int], cores: int, threads: int | None) -> Share:
        """As many on every GPU as fit on the fullest one, but no more than ``most_per_gpu``; the
        cores are divided among them.
        """
        each = max(1, min(self.most_per_gpu, min(free_bytes) // self.gpu_bytes_each))
        workers = each * len(free_bytes)
        reason = (
            f"{len(free_bytes)} GPUs with at least {min(free_bytes) / GIB:.0f} GiB free, {cores} "
            "cores"
        )
        return Share(workers, threads or max(1, cores // workers), reason)


def at_least_one(number: int | str) -> bool:
    """Whether it is ``auto``, or a number that leaves something to work."""
    return number == AUTO or (isinstance(number, int) and number >= 1)


def free_gpu_bytes() -> list[int]:
    """Free memory of each GPU of this machine that this process may use."""
    import torch

    return [torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count())]
