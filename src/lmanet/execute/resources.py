"""What one job of a scheduler asks for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmanet.base import Above0, AtLeast0, AtLeast1

SLURM, LOCAL, DEBUG = CLUSTERS = ("slurm", "local", "debug")
RESULT = "result"  # beside the states in which a job may end


@dataclass(frozen=True)
class Resources:
    """What one job asks of SLURM.

    Attributes:
        partition: None is the cluster's own choice.
        cpus: cores, and CPU threads of the training.
        gpus: of a node.
        memory_gb: None is the partition's own.
        minutes: after so many the job is taken away, and requeues itself.
        requeues: of a job whose time is over, until it is given up. Being preempted does not count.
        notice_seconds: before its time is over, a job is told so.
        array_parallelism: jobs of one array that run at once; those handed in together are an
            array.
        more: other parameters of submitit's: ``account``, ``qos``, ``constraint``, ``setup``, ...
    """

    partition: str | None = None
    cpus: AtLeast1 = 4
    gpus: AtLeast0 = 0
    memory_gb: float | None = None
    minutes: Above0 = 60.0
    requeues: AtLeast0 = 10
    notice_seconds: AtLeast1 = 120
    array_parallelism: AtLeast1 = 256
    more: Mapping[str, Any] = field(default_factory=dict)

    def of_slurm(self, name: str) -> dict[str, Any]:
        """As submitit takes them; what is not given is left to SLURM."""
        parameters = {
            "job_name": name,
            "partition": self.partition,
            "time": max(1, math.ceil(self.minutes)),
            "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus or None,
            "mem": None if self.memory_gb is None else f"{self.memory_gb * 1024:.0f}M",
            "signal_delay_s": self.notice_seconds,
            "array_parallelism": self.array_parallelism,
            **self.more,
        }
        # A node that fails gives its jobs back to the queue.
        more = {"requeue": True, **(self.more.get("additional_parameters") or {})}
        given = {key: value for key, value in parameters.items() if value is not None}
        return {**given, "additional_parameters": more}

    def of_this_machine(self) -> dict[str, Any]:
        """The same for jobs that are processes on this machine."""
        return {
            "timeout_min": self.minutes,
            "gpus_per_node": self.gpus,
            "signal_delay_s": self.notice_seconds,
        }
