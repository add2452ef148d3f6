"""A short trial on the machine at hand that says by which kernels its
networks are trained fastest.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError, TrainingError
from lmanet.stop import stop_first
from lmanet.train.compute.choice import Forward, Kernels, Shape, applied
from lmanet.train.compute.figures import (
    FigureFiles,
    Figures,
    Timing,
    describe_workload,
    read_figures,
    write_figures,
)

log = logging.getLogger(__name__)
ON_CPU = (
    Kernels(),
    Kernels(channels_last=False),
    Kernels(precision="bf16-mixed"),
    Kernels(compile="default"),
)
ON_CUDA = (
    Kernels(precision="bf16-mixed"),
    Kernels(channels_last=False, precision="bf16-mixed"),
    Kernels(),
    Kernels(precision="bf16-mixed", compile="default"),
    Kernels(precision="bf16-mixed", compile="reduce-overhead"),
)
ROUND_SECONDS = 0.2  # of steps of the first candidate, at least one
HOPELESS = 3.0  # times the first one's step: such a candidate is not timed further


class KernelTrial:
    """Times whole training steps on random images, once for each machine and class of networks, and
    keeps the figures.

    The candidates take turns in every round, so that other work on the machine falls on all alike.
    An alternative replaces the first only if it wins all rounds but one, start-up included, and
    saves ``margin`` in their median.

    Args:
        candidates: the first is the one to beat; None is `ON_CPU` or `ON_CUDA`.
        rounds: by the sign test 6 of 7 come about by chance one time in 16.
        margin: share of the time that a change must save.
        compile_from_seconds: trainings expected to be shorter are never compiled, nor is it tried:
            on a CPU that takes a minute or more.
        folder: of the figures; None is the user's cache folder.
    """

    def __init__(
        self,
        candidates: Sequence[Kernels] | None = None,
        rounds: int = 7,
        margin: float = 0.05,
        compile_from_seconds: float = 900.0,
        folder: str | Path | None = None,
    ) -> None:
        if rounds < 3 or not 0 <= margin < 1:
            given = f"rounds={rounds}, margin={margin}"
            raise ConfigError(
                f"kernels: {given}; at least 3 rounds and a margin of 0 to below 1 (the recipe's "
                "kernels in conf/)"
            )
        self.candidates = tuple(candidates) if candidates else None
        self.rounds, self.margin, self.compile_from_seconds = rounds, margin, compile_from_seconds
        self.files = FigureFiles(folder)

    def choose(
        self, network: nn.Module, shape: Shape, device: torch.device, steps_planned: int
    ) -> Kernels:
        """The fastest by the figures of the network's class, which are taken now where there are
        none.
        """
        candidates = self.candidates or (ON_CUDA if device.type == "cuda" else ON_CPU)
        workload = describe_workload(network, shape, device)
        with self.files.held(workload) as path:
            figures = read_figures(path)
            known = figures is not None and self._suffice(figures, candidates, steps_planned)
            if figures is None or not known:
                with _random_numbers_kept(device):
                    figures = self._measure(
                        _Bench(network, shape, device), candidates, steps_planned, workload
                    )
                write_figures(path, figures)
        chosen = figures.decide(candidates, steps_planned, self.margin)
        log.log(
            logging.DEBUG if known else logging.INFO,
            "kernels for %s: %s, of %s",
            workload,
            chosen,
            figures,
        )
        return chosen

    def _suffice(self, figures: Figures, candidates: Sequence[Kernels], steps: int) -> bool:
        base = figures.timings.get(str(candidates[0]))
        known = {*figures.timings, *figures.out}
        return base is not None and all(
            str(each) in known
            for each in self._worth_trying(candidates, steps * min(base.step_seconds))
        )

    def _worth_trying(self, candidates: Sequence[Kernels], seconds_planned: float) -> list[Kernels]:
        return [
            each
            for each in candidates
            if each.compile == "none" or seconds_planned >= self.compile_from_seconds
        ]

    def _measure(
        self, bench: "_Bench", candidates: Sequence[Kernels], steps: int, workload: str
    ) -> Figures:
        base, *others = candidates
        with ExitStack() as held:
            running = {str(base): held.enter_context(bench.run(base))}
            usual = running[str(base)].usual_seconds
            out: dict[str, str] = {}
            for each in self._worth_trying(others, steps * usual):
                try:
                    with stop_first():
                        running[str(each)] = held.enter_context(bench.run(each, HOPELESS * usual))
                # whatever a compiler, its absence or a lack of memory raises: the others remain
                except Exception as error:
                    out[str(each)] = "out: " + " ".join(str(error).split())[:200]
                    log.warning("kernels %s are %s", each, out[str(each)])
            rounds = _take_turns(
                list(running.values()), self.rounds, max(1, round(ROUND_SECONDS / usual))
            )
        timings = {
            name: Timing(
                startup_seconds=stepper.startup_seconds,
                step_seconds=tuple(seconds[number] for seconds in rounds),
            )
            for number, (name, stepper) in enumerate(running.items())
        }
        return Figures(workload=workload, timings=timings, out=out)


class _Stepper:
    """Training steps of one copy of the network."""

    def __init__(
        self, network: nn.Module, forward: Forward, kernels: Kernels, images: Tensor
    ) -> None:
        self.forward, self.images = forward, images
        self.labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
        self.optimizer = torch.optim.SGD(
            [each for each in network.parameters() if each.requires_grad], lr=1e-3, momentum=0.9
        )
        self.bfloat16 = kernels.precision == "bf16-mixed"
        # CUDA graphs are recorded in the second and third step
        warm_up = 1 if kernels.compile == "none" else 3
        first = warm_up * self.mean_seconds(warm_up)
        self.usual_seconds = self.mean_seconds(1)
        self.startup_seconds = max(0.0, first - warm_up * self.usual_seconds)

    def mean_seconds(self, steps: int) -> float:
        """Take so many steps."""
        start = time.perf_counter()
        for _ in range(steps):
            self._step()
        if self.images.is_cuda:
            torch.cuda.synchronize(self.images.device)
        return (time.perf_counter() - start) / steps

    def _step(self) -> None:
        with torch.autocast(self.images.device.type, torch.bfloat16, enabled=self.bfloat16):
            loss = functional.cross_entropy(self.forward(self.images).float(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


@dataclass(frozen=True)
class _Bench:
    """What all candidates compute."""

    network: nn.Module
    shape: Shape
    device: torch.device

    @contextmanager
    def run(self, kernels: Kernels, at_most: float = math.inf) -> Iterator[_Stepper]:
        """Steps of a copy of the network, warm.

        Raises:
            TrainingError: a step takes more than ``at_most`` seconds.
        """
        network = deepcopy(self.network).to(self.device).train()
        images = torch.randn(self.shape, device=self.device).to(memory_format=kernels.memory_format)
        # What a new network takes to compile is to be known, not what this one takes that may have
        # been compiled before.
        with (
            applied(kernels, network, self.device) as forward,
            torch._inductor.config.patch(force_disable_caches=True),
        ):
            stepper = _Stepper(network, forward, kernels, images)
            if stepper.usual_seconds > at_most:
                raise TrainingError(
                    f"a step takes {stepper.usual_seconds / at_most * HOPELESS:.0f} times as long "
                    "as the first one's"
                )
            yield stepper


def _take_turns(steppers: Sequence[_Stepper], rounds: int, steps: int) -> list[list[float]]:
    """Mean seconds of a step, by round and stepper; the one that begins moves on from round to
    round.
    """
    result = []
    for number in range(rounds):
        turn = [(number + place) % len(steppers) for place in range(len(steppers))]
        seconds = {place: steppers[place].mean_seconds(steps) for place in turn}
        result.append([seconds[place] for place in range(len(steppers))])
    return result


@contextmanager
def _random_numbers_kept(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
