"""A whole search beside the usual way: every feasible candidate trained to the end, one after
another, by the usual pipeline.

python benchmarks/whole_search.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

Both are given the same networks of bench_lmanet, drawn at random, and the images of its table. Ours
is the loop itself, with successive halving, as many workers as the machine allows, and our
training. What is told is when its front has the hypervolume of the usual way's. Where that is not
so when halving ends, what it left behind is trained on as well, best first, until nothing is left;
that time counts. A second run of ours, with inherited weights, begins with the same networks and
goes on with edits of its front by the sampler, in the space that they come from, for a fifth of the
usual way's time.
"""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory

import torch
import usual_pipeline
from halving import Bench, epochs
from table_images import TenClasses

from lmanet.data import Augment, Cifar100, Split
from lmanet.execute import InProcess, Workers
from lmanet.network.build import build
from lmanet.promote import Everything, Halving
from lmanet.run.brief import Budget, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Proposal, Score, Status, Trial
from lmanet.search import Search
from lmanet.space import staged
from lmanet.steps import Proposer
from lmanet.train import Recipe, Trainer, WarmupCosine

RECIPE = Recipe(
    epochs=30,
    batch_size=64,
    optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=WarmupCosine(1),
    augment=Augment(crop_padding=4, flip=True, auto_augment="cifar10"),
    decay_norms=True,
    accelerator="cpu",
)
RUNGS = (1, 3, 9)
# As conf/promote/halving.yaml; then, where that did not suffice, of all that wait.
KEEP = (0.46, 0.75, 0.999)


SHARE = 0.2  # of the usual way's time, for the run with inherited weights


class ThenEdits:
    """Networks in a given order, then what another proposes."""

    def __init__(self, first: Proposer, number: int, then: Proposer) -> None:
        self.first, self.number, self.then = first, number, then

    def propose(self, request: Request) -> list[Proposal]:
        return (self.first if request.number < self.number else self.then).propose(request)

    def close(self) -> None:
        pass


class UsualTrainer:
    """The usual pipeline as a trainer of the loop."""

    def __init__(self, images: TenClasses) -> None:
        self.images = images

    def train(self, job: Job) -> Score:
        start = time.monotonic()
        torch.manual_seed(job.seed)
        network = build(staged(job.architecture), self.images.num_classes)
        module = usual_pipeline.train(network, self.images, RECIPE, job.seed % 2**31)
        return Score(val_accuracy=module.curve[-1], seconds=time.monotonic() - start)


def usual(bench: Bench, images: TenClasses, seed: int, candidates: int) -> list[Trial]:
    """All trained to the end, one after another."""
    bench.executor = InProcess(UsualTrainer(images))
    return bench.search(Everything, seed, Budget(proposals=candidates), drawn=True)


def ours(
    bench: Bench, images: TenClasses, seed: int, candidates: int, aim: float
) -> list[list[Trial]]:
    """The trials when halving had ended, and after each of its continuations."""
    ends = []
    with TemporaryDirectory() as folder:
        for keep in KEEP:
            bench.executor = Workers(Trainer(images, RECIPE))  # a search closes its own
            steps = bench.steps(partial(Halving, rungs=RUNGS, keep=keep), seed, drawn=True)
            history = History(RunFolder(folder))
            Search(steps, history, Budget(proposals=candidates), seed).run()
            ends.append(history.trials)
            if when(bench, history.trials, aim) is not None:
                break
    return ends


def with_heirs(
    bench: Bench, images: TenClasses, seed: int, proposer: Proposer, most_seconds: float
) -> list[Trial]:
    """The trials of a run with inherited weights, of so many seconds."""
    bench.executor = Workers(Trainer(images, RECIPE, inherit="parent"))
    steps = bench.steps(partial(Halving, rungs=RUNGS, keep=KEEP[0]), seed, drawn=True)
    with TemporaryDirectory() as folder:
        history = History(RunFolder(folder), inherit=True)
        budget = Budget(proposals=5000, seconds=most_seconds)
        Search(steps._replace(proposer=proposer), history, budget, seed).run()
        return history.trials


def when(bench: Bench, trials: Sequence[Trial], aim: float) -> float | None:
    """Seconds from the start after which the trials that had ended had the hypervolume."""
    ended = sorted(
        (trial for trial in trials if trial.status is Status.TRAINED),
        key=lambda trial: trial.elapsed_seconds,
    )
    reached = (
        trial.elapsed_seconds
        for n, trial in enumerate(ended, 1)
        if bench.pareto.hypervolume(ended[:n]) >= aim
    )
    return next(reached, None)


def seconds(trials: Sequence[Trial]) -> float:
    """From the start to the end of the last training."""
    return max(trial.elapsed_seconds for trial in trials)


def main() -> None:
    """One line a seed, and the median."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--images", type=int, default=500, help="training images; as many are validated on"
    )
    given = parser.parse_args()
    images = TenClasses(
        Cifar100(archive=given.archive),
        Split(val_fraction=given.images / 5000, max_train_images=given.images),
    )
    bench, edits = Bench("random"), Bench("sampler")
    print(
        "| seed | usual: s, hypervolume | halving: s, hypervolume, epochs | usual hypervolume "
        "after s | share | with inherited weights: hypervolume after a fifth of the time, "
        "networks trained, edits | usual hypervolume after s | share |"
    )
    print("|---|---|---|---|---|---|---|---|")
    shares = []
    for seed in range(given.seeds):
        whole = usual(bench, images, seed, given.candidates)
        aim = bench.pareto.hypervolume(whole)
        ends = ours(bench, images, seed, given.candidates, aim)
        reached = when(bench, ends[-1], aim)
        share = (reached or seconds(ends[-1])) / seconds(whole)
        shares.append(share)
        first = (
            f"{seconds(ends[0]):.0f}, {bench.pareto.hypervolume(ends[0]):.4f}, {epochs(ends[0])}"
        )
        last = (
            f"{reached:.0f}"
            if reached
            else f"never: {seconds(ends[-1]):.0f}, {bench.pareto.hypervolume(ends[-1]):.4f}"
        )
        print(
            f"| {seed} | {seconds(whole):.0f}, {aim:.4f} | {first} | {last} | {share:.3f} ",
            end="",
            flush=True,
        )
        first, then = (
            each.steps(Everything, seed, drawn=each is bench).proposer for each in (bench, edits)
        )
        proposer = ThenEdits(first, given.candidates, then)
        heirs = with_heirs(bench, images, seed, proposer, SHARE * seconds(whole))
        trained = [trial for trial in heirs if trial.score]
        reached = when(bench, heirs, aim)
        print(
            f"| {bench.pareto.hypervolume(heirs):.4f}, {len(trained)}, "
            f"{sum(trial.inherited_from is not None for trial in trained)} | "
            + (f"{reached:.0f} | {reached / seconds(whole):.3f} |" if reached else "never | |"),
            flush=True,
        )
    print(f"median share {median(shares):.3f}; all {given.candidates * RECIPE.epochs} epochs")


if __name__ == "__main__":
    main()
