"""What trials of kernels have measured on this machine, one small file for each class of networks,
and the choice that follows.
"""

import hashlib
import logging
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from filelock import FileLock
from torch import nn

from lmanet.base import Record
from lmanet.cost.estimate import macs
from lmanet.errors import HistoryError
from lmanet.files import cache_folder
from lmanet.network.build import Network
from lmanet.network.graph import operators
from lmanet.run.lines import read_record, write_record
from lmanet.train.compute.choice import Kernels, Shape

log = logging.getLogger(__name__)


class Timing(Record):
    """Training steps by one way of computing.

    Attributes:
        startup_seconds: of the first step beyond a usual one: what is compiled or looked for.
        step_seconds: mean of a step, for each round.
    """

    startup_seconds: float
    step_seconds: tuple[float, ...]

    def totals(self, steps: int) -> list[float]:
        """Seconds of so many steps, by each round's speed."""
        return [self.startup_seconds + steps * seconds for seconds in self.step_seconds]


class Figures(Record):
    """Content of a file: timings of rounds in which all took turns, and why others took no part; by
    the names of their kernels.
    """

    workload: str
    timings: Mapping[str, Timing]
    out: Mapping[str, str] = {}

    def decide(self, candidates: Sequence[Kernels], steps: int, margin: float) -> Kernels:
        """The candidate with the shortest training among the first and those that beat it.

        One beats it by being faster in all rounds but one and, in the median of the rounds' ratios,
        by ``margin``.
        """
        base = self.timings[str(candidates[0])].totals(steps)
        best, shortest = candidates[0], median(base)
        for candidate in candidates[1:]:
            timing = self.timings.get(str(candidate))
            totals = timing.totals(steps) if timing else []
            ratios = [total / other for total, other in zip(totals, base, strict=False)]
            wins = sum(ratio < 1 for ratio in ratios)
            if (
                ratios
                and wins >= len(base) - 1
                and median(ratios) < 1 - margin
                and median(totals) < shortest
            ):
                best, shortest = candidate, median(totals)
        return best

    def __str__(self) -> str:
        times = {name: 1000 * median(timing.step_seconds) for name, timing in self.timings.items()}
        startups = {name: round(timing.startup_seconds) for name, timing in self.timings.items()}
        took = [
            f"{name} {time:.1f} ms a step" + f" after {startups[name]} s" * (startups[name] > 0)
            for name, time in times.items()
        ]
        return "; ".join([*took, *(f"{name} {reason}" for name, reason in self.out.items())])


class FigureFiles:
    """The files of one folder; several processes may share it.

    Args:
        folder: None is the user's cache folder, such as ``~/.cache/lmanet/kernels``.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else cache_folder("kernels")

    @contextmanager
    def held(self, workload: str) -> Iterator[Path]:
        """The file of a class, there or not, while no other process reads or writes it: the next
        waits for this one's figures.
        """
        path = self.folder / f"{hashlib.sha256(workload.encode()).hexdigest()[:16]}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            yield path


def read_figures(path: Path) -> Figures | None:
    """None where there is no file, or one that cannot be read: then the trial is held again."""
    try:
        return read_record(path, Figures)
    except FileNotFoundError:
        return None
    except HistoryError as error:
        log.warning("the figures of kernels are taken anew: %s", error)
        return None


def write_figures(path: Path, figures: Figures) -> None:
    """Replace the file; a crash leaves the old one or the new one."""
    write_record(path, figures)


def describe_workload(network: nn.Module, shape: Shape, device: torch.device) -> str:
    """Machine and class of a network: those with the same text are taken to run fastest by the same
    kernels.

    A class is batch, resolution, MACs to a factor of two, and quarters of them that are depthwise.
    Of a network that is no `Network`, whose MACs are not known, the type and the parameters to a
    factor of two.
    """
    batch = "x".join(map(str, shape))
    if isinstance(network, Network):
        graph = operators(network.architecture, network.num_classes)
        total = sum(map(macs, graph))
        depthwise = sum(macs(operator) for operator in graph if operator.groups > 1) / total
        kind = f"2^{round(math.log2(total))} MACs, {round(4 * depthwise)}/4 depthwise"
    else:
        kind = (
            f"{type(network).__name__} of "
            f"2^{round(math.log2(1 + sum(p.numel() for p in network.parameters())))} parameters"
        )
    return f"{_machine(device)}, batch {batch}, {kind}"


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    return f"{_cpu_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
