"""Memory formats, precisions and compilation side by side: the trial that a training holds, on two
networks, and what it would choose.

python benchmarks/kernels.py
python benchmarks/kernels.py --device cuda --epochs 30 --images 45000

Compilation is tried here unless --no-compile says otherwise; a training tries it only where it is
long enough (conf/train). With --no-kept-memory freed memory is given back in every step, as torch
does by itself.
"""

import argparse
import math
from contextlib import nullcontext
from statistics import median
from tempfile import TemporaryDirectory

import torch
from engine import LARGE, SMALL

from lmanet.cost import estimate
from lmanet.network.build import build
from lmanet.train import KernelTrial
from lmanet.train.compute import freed_memory_kept
from lmanet.train.compute.figures import read_figures

BATCH = 128


def main() -> None:
    """A line for each way of computing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=45000)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--kept-memory", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    steps, device = given.epochs * (given.images // BATCH), torch.device(given.device)
    print(
        "| network | kernels | images/s: median, least, most | start-up s | images after which it "
        "beats the first |"
    )
    print("|---|---|---|---:|---:|")
    for architecture in (SMALL, LARGE):
        torch.manual_seed(0)
        network = build(architecture, 100)
        with (
            TemporaryDirectory() as folder,
            freed_memory_kept() if given.kept_memory else nullcontext(),
        ):
            trial = KernelTrial(
                rounds=given.rounds,
                compile_from_seconds=0 if given.compile else math.inf,
                folder=folder,
            )
            chosen = trial.choose(network, (BATCH, 3, 32, 32), device, steps)
            figures = next(
                found for path in trial.files.folder.glob("*.json") if (found := read_figures(path))
            )
        first = next(iter(figures.timings.values()))
        for name, timing in figures.timings.items():
            speeds = sorted(BATCH / seconds for seconds in timing.step_seconds)
            saved = (median(first.step_seconds) - median(timing.step_seconds)) / BATCH
            even = (
                f"{(timing.startup_seconds - first.startup_seconds) / saved:,.0f}"
                if saved > 0
                else ""
            )
            print(
                f"| {estimate(architecture, 100).macs / 1e6:.1f}M MACs | "
                f"{name}{' (chosen)' * (name == str(chosen))} | {median(speeds):.0f}, "
                f"{speeds[0]:.0f}, {speeds[-1]:.0f} | {timing.startup_seconds:.1f} | {even} |"
            )
        for name, reason in figures.out.items():
            print(
                f"| {estimate(architecture, 100).macs / 1e6:.1f}M MACs | {name} | {reason} | | |",
                flush=True,
            )


if __name__ == "__main__":
    main()
