"""A Ray cluster: how it is joined, and how its nodes are divided into workers."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import joblib
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from lmanet.errors import ConfigError
from lmanet.execute.auto import Auto, free_gpu_bytes

log = logging.getLogger(__name__)
PROBE_SECONDS = 60.0  # until a node's GPUs must be free to be looked at


class Slot(NamedTuple):
    """Room for a worker.

    Attributes:
        node: where it is while this node lives; then anywhere else with room.
        host: its name.
        gpu_share: of a GPU and its memory; 0 is none.
    """

    node: str
    host: str
    threads: int
    gpu_share: float

    @property
    def options(self) -> dict[str, Any]:
        """What Ray is asked for."""
        return {
            "num_cpus": self.threads,
            "num_gpus": self.gpu_share,
            "max_concurrency": 2,  # one thread computes, one answers
            "scheduling_strategy": NodeAffinitySchedulingStrategy(self.node, soft=True),
        }


def join(address: str | None) -> None:
    """Connect to a cluster, or start a Ray of this process on this machine, which ends with it.

    Args:
        address: as in `RayEngine`.

    Raises:
        ConfigError: nothing answers there.
    """
    if ray.is_initialized():
        return
    # prints what the run says in its own words; there is no setting for it
    ray._private.worker.print_to_stdstream = _nothing
    own: dict[str, Any] = (
        {"include_dashboard": False, "num_cpus": joblib.cpu_count()} if address is None else {}
    )
    try:
        with _signals_kept():
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                **own,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            f"execute.engine.address={address}: Ray says: {_first_line(error)}; start a cluster "
            "with `ray start --head`, name its head, or take null for this machine alone "
            "(conf/execute/ray.yaml)"
        ) from error


def divide(auto: Auto, workers: int | None, threads: int | None) -> list[Slot]:
    """The workers that the nodes have room for.

    Args:
        workers: at most so many; None is all.
        threads: of each; None divides a node's cores among its workers.

    Raises:
        ConfigError: there is room for none.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    with_gpus = [node for node in nodes if node["Resources"].get("GPU")]
    if auto.accelerator == "cpu" or not with_gpus:
        found = [_on_cores(node, auto, threads) for node in nodes]
    else:  # trials on GPUs and on CPUs could not be compared
        found = [_on_gpus(node, auto, threads) for node in with_gpus]
    slots = _in_turns(found)[:workers]
    if not slots:
        raise ConfigError(
            f"the Ray cluster of {len(nodes)} nodes has no room for a worker "
            f"(accelerator={auto.accelerator}); see `ray status` and conf/execute/ray.yaml"
        )
    hosts = sorted({slot.host for slot in slots})
    log.info(
        "candidates at once: %d, CPU threads of each: %s, on %d nodes of the Ray cluster (%s)",
        len(slots),
        "/".join(map(str, sorted({slot.threads for slot in slots}))),
        len({slot.node for slot in slots}),
        ", ".join(hosts[:5]) + (", ..." if len(hosts) > 5 else ""),
    )
    return slots


def _on_cores(node: dict[str, Any], auto: Auto, threads: int | None) -> list[Slot]:
    cores = _cores(node, auto)
    if cores < (threads or 1):
        return []
    share = auto.share_cores(cores, None, threads)
    return _slots(node, share.workers, share.threads, 0)


def _on_gpus(node: dict[str, Any], auto: Auto, threads: int | None) -> list[Slot]:
    resources = node["Resources"]
    place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    probe = ray.remote(free_gpu_bytes).options(
        num_cpus=0, num_gpus=resources["GPU"], scheduling_strategy=place
    )
    answer = probe.remote()
    if not ray.wait([answer], timeout=PROBE_SECONDS)[0]:
        ray.cancel(answer)
        log.warning("the GPUs of node %s are not free: it is left out", node["NodeManagerHostname"])
        return []
    free = ray.get(answer)
    share = auto.share_gpus(free, _cores(node, auto), threads)
    return _slots(node, share.workers, share.threads, len(free) / share.workers)


def _cores(node: dict[str, Any], auto: Auto) -> int:
    """Of this machine those that nobody else needs."""
    own = node["NodeID"] == ray.get_runtime_context().get_node_id()
    return int(node["Resources"].get("CPU", 0)) - (auto.spare_cores if own else 0)


def _slots(node: dict[str, Any], number: int, threads: int, gpu_share: float) -> list[Slot]:
    return [Slot(node["NodeID"], node["NodeManagerHostname"], threads, gpu_share)] * number


def _in_turns(found: list[list[Slot]]) -> list[Slot]:
    """A worker of each node, then a second of each: so few workers are spread over all."""
    longest = max(map(len, found), default=0)
    return [slots[place] for place in range(longest) for slots in found if place < len(slots)]


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray handles SIGTERM in its own way, and would so end a run without a word."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if main and before is not None:
            signal.signal(signal.SIGTERM, before)


def _nothing(*given: object, **named: object) -> None: ...


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
