"""Trainings of one thread, one after the other in this process and on a Ray of this machine, in
turns: how much more do so many workers train?

python benchmarks/ray_throughput.py --workers 2 --rounds 3
Each round trains one network both ways, twice for each worker, with seeds of their own: equal
trainings fill all workers to the end, so what is missing to the number of workers is the engine's
and the machine's. The start of Ray and of its workers is told apart: a search pays for it once.
"""

import argparse
import time
from functools import partial
from statistics import median

import numpy as np
import torch

from lmanet.cost import estimate
from lmanet.data import Mnist5k
from lmanet.execute import Auto, InProcess, RayEngine, Remote
from lmanet.network import Architecture
from lmanet.run.records import Job, Outcome
from lmanet.space import load_space
from lmanet.steps import Executor
from lmanet.train import Recipe, Trainer, WarmupCosine

MACS = (1e6, 1e7)  # of the network that is trained


def network() -> Architecture:
    """Drawn at random, of a size that a small board holds."""
    rng, space = (
        np.random.default_rng(0),
        load_space("mcu", {"resolution": [32], "num_stages": [3]}),
    )
    while True:
        drawn = space.sample(rng)
        if MACS[0] < estimate(drawn, 10).macs < MACS[1]:
            return drawn


def seconds(executor: Executor, drawn: list[Architecture]) -> tuple[float, list[Outcome]]:
    """Of the trainings of all of them, each with its place as seed."""
    start = time.monotonic()
    for number, architecture in enumerate(drawn):
        executor.submit(Job(number=number, architecture=architecture, seed=number))
    outcomes: list[Outcome] = []
    while len(outcomes) < len(drawn):
        outcomes += executor.collect(wait=True)
    return time.monotonic() - start, sorted(outcomes, key=lambda outcome: outcome.number)


def accuracies(outcomes: list[Outcome]) -> list[float | None]:
    """Of each network; None where its training failed."""
    return [outcome.score.val_accuracy if outcome.score else None for outcome in outcomes]


def main() -> None:
    """Time both ways in turns and print a line for each round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--each", type=int, default=2, help="trainings for each worker in a round")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(
        epochs=options.epochs,
        batch_size=64,
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
        schedule=WarmupCosine(),
        accelerator="cpu",
    )
    data = Mnist5k()
    data.setup("fit")
    trainer, drawn = Trainer(data, recipe), [network()] * (options.each * options.workers)
    alone = InProcess(trainer)
    start = time.monotonic()
    engine = RayEngine(data, workers=options.workers, threads=1, auto=Auto(accelerator="cpu"))
    together = Remote(trainer, engine)
    seconds(together, drawn[: options.workers])
    print(
        f"start of Ray and {options.workers} workers: {time.monotonic() - start:.1f} s", flush=True
    )
    ratios = []
    for number in range(options.rounds):
        one, theirs = seconds(alone, drawn)
        many, others = seconds(together, drawn)
        ratios.append(one / many)
        same = accuracies(theirs) == accuracies(others)
        print(
            f"round {number}: {one:.1f} s alone, {many:.1f} s on {options.workers} workers, "
            f"{ratios[-1]:.2f} times; accuracies {'the same' if same else 'differ'}",
            flush=True,
        )
    print(f"median {median(ratios):.2f} times, {min(ratios):.2f} to {max(ratios):.2f}")
    together.close()


if __name__ == "__main__":
    main()
