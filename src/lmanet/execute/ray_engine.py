"""Calls computed on a Ray cluster, or on a Ray of this machine alone."""

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmanet.base import require_packages
from lmanet.calls import Call, Returned
from lmanet.errors import ConfigError
from lmanet.execute.auto import AUTO, Auto, at_least_one

if TYPE_CHECKING:
    from lmanet.execute.ray_pool import RayPool

# Read by Ray when it is imported. Its name tells of other systems, its effect is that a Ray of this
# machine alone listens on loopback.
NO_CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
ON_LOOPBACK = {NO_CLUSTER: "0", "RAY_AUTH_MODE": "token"}
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else a thread that outlives Ray would start another
}


@dataclass
class RayEngine:
    """Workers on the nodes of a Ray cluster, one for each group of cores or share of a GPU.

    A worker that dies, or is silent for too long, is replaced; its call is tried once more
    elsewhere. Nothing but Ray's own connections is needed between the machines: images are put once
    on each node, files of a call go and come with it.

    Attributes:
        data: of the run; what calls refer to it is not sent with them.
        address: None starts a Ray of this machine alone, which ends with the run; ``auto`` is the
            cluster that this machine is a node of; ``HOST:6379`` is one that it shall be a driver
            of; ``ray://HOST:10001`` is one to be reached from outside.
        workers: at most so many; ``auto`` is all that there is room for.
        threads: CPU threads of each; ``auto`` divides the cores of each node.
        queue: calls that may wait for a worker, so that none is idle while the next is made.
        silent_seconds: a worker that gives no sign of life for so long is lost.
        auto: how a node is divided.
    """

    data: Any = None
    address: str | None = None
    workers: int | str = AUTO
    threads: int | str = AUTO
    queue: int = 1
    silent_seconds: float = 120.0
    auto: Auto = field(default_factory=Auto)

    def __post_init__(self) -> None:
        if not (
            at_least_one(self.workers)
            and at_least_one(self.threads)
            and self.queue >= 0
            and self.silent_seconds > 0
        ):
            raise ConfigError(
                f"execute: workers={self.workers}, threads={self.threads}, queue={self.queue}, "
                f"silent_seconds={self.silent_seconds}; at least 1 worker and 1 thread, or auto, a "
                "queue of 0 and some seconds (conf/execute/ray.yaml)"
            )
        self._pool: RayPool | None = None

    def require(self) -> None:
        """Raises `ConfigError` where Ray is not installed."""
        require_packages("execute=ray", "ray", "ray")

    @property
    def capacity(self) -> int:
        return self._running().size + self.queue

    def submit(self, call: Call) -> None:
        self._running().submit(call)

    def collect(self, wait: bool) -> list[Returned]:
        return self._pool.collect(wait) if self._pool else []

    def close(self) -> None:
        """Give up what runs and give back the workers; Ray itself ends with the process."""
        if self._pool:
            self._pool.close()
            self._pool = None

    def _running(self) -> "RayPool":
        if self._pool is None:
            self.require()
            given = NO_CLUSTER in os.environ
            if "ray" not in sys.modules:
                settings = QUIET if self.address else {**QUIET, **ON_LOOPBACK}
                for name, value in settings.items():
                    os.environ.setdefault(name, value)
            from lmanet.execute.ray_cluster import divide, join
            from lmanet.execute.ray_pool import RayPool

            join(self.address)
            if not given:  # a `ray start` that this process starts may lead a cluster
                os.environ.pop(NO_CLUSTER, None)
            slots = divide(self.auto, _number(self.workers), _number(self.threads))
            self._pool = RayPool(slots, self.data, self.silent_seconds)
        return self._pool


def _number(given: int | str) -> int | None:
    return given if isinstance(given, int) else None
