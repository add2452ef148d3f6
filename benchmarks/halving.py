"""Calibrates successive halving on the table of our own space, and measures what it costs:
hypervolume kept, epochs spent.

python benchmarks/halving.py
python benchmarks/halving.py --seeds 20 --candidates 60 120

First how far each measure of an unfinished training foretells the last accuracy, then searches of
the real loop: candidates drawn at random from the table without repetition, the same for each
promotion, and last the proposals of evolution and of the sampler, which see what was trained;
halving may then spend a third of the epochs. Hypervolume in the box of conf/pareto, whose share of
accuracy is small, and in one that begins at the table's worst accuracy, where 1 % is harder to
keep.
"""

import argparse
import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from scipy.stats import kendalltau, spearmanr

from lmanet.execute import InProcess
from lmanet.feedback import NoFeedback
from lmanet.pareto import ParetoFront
from lmanet.promote import Everything, Halving
from lmanet.promote.halving import Measure
from lmanet.run.brief import Brief, Budget, Goal, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Proposal, Trial
from lmanet.search import Search, Steps
from lmanet.space import AnyArchitecture
from lmanet.steps import Executor, Promoted, Promotion, Proposer
from lmanet.train.lookup.table import Entry, load_table

CONF = Path(__file__).parents[1] / "conf"
TABLE = "lmanet_mini"
RUNGS = (1, 3, 9)
KEEP = 0.46
RANK_BY = "train_loss"
MEASURED: tuple[Measure, ...] = ("train_loss", "val_loss", "val_accuracy")
SCREEN = ("params", "expressivity")  # the zero-cost proxies that passed (zero_cost.py)
NICHES = 4
WORST_ACCURACY = 0.55  # of the table's networks, rounded down
THIRD = 1 / 3
MEASURES: dict[str, Callable[[Entry, int], float]] = {
    "accuracy": lambda entry, rung: entry.val_accuracy[rung - 1],
    "best accuracy so far": lambda entry, rung: max(entry.val_accuracy[:rung]),
    "validation loss": lambda entry, rung: -entry.val_loss[rung - 1],
    "training loss": lambda entry, rung: -entry.train_loss[rung - 1],
    "sum of training losses": lambda entry, rung: -sum(entry.train_loss[:rung]),
}


class FromTable:
    """Proposes the table's networks in a random order, each once."""

    def __init__(self, networks: Sequence[AnyArchitecture], seed: int) -> None:
        self.order = np.random.default_rng(seed).permutation(len(networks))
        self.networks = networks

    def propose(self, request: Request) -> list[Proposal]:
        return [Proposal(proposer="table", architecture=self.networks[self.order[request.number]])]

    def close(self) -> None:
        pass


class ByNiche:
    """For comparison: the best of each band of MACs by the measure alone."""

    def __init__(self, brief: Brief, rungs: Sequence[int], keep: float) -> None:
        accuracy = brief.model_copy(update={"objectives": brief.objectives[:1]})
        self.halving = Halving(accuracy, rungs, keep)
        self.first = self.halving.first
        self.limit = brief.limits["macs"]

    def next(self, trials: Sequence[Trial], training: Collection[int]) -> Promoted | None:
        bands = [[trial for trial in trials if self._band(trial) == band] for band in range(NICHES)]
        return next((found for band in bands if (found := self.halving.next(band, training))), None)

    def _band(self, trial: Trial) -> int:
        assert trial.verdict is not None and trial.verdict.cost is not None
        return min(int(np.log2(self.limit / trial.verdict.cost.macs)), NICHES - 1)


PROMOTIONS: dict[str, Callable[[Brief], Promotion]] = {
    f"as in conf/promote/halving.yaml: rungs={list(RUNGS)} keep={KEEP} rank_by={RANK_BY}": partial(
        Halving, rungs=RUNGS, keep=KEEP
    ),
    "keep=0.333": partial(Halving, rungs=RUNGS, keep=THIRD),
    "rungs=[3,9]": partial(Halving, rungs=RUNGS[1:], keep=KEEP),
    "rungs=[3,9] keep=0.333": partial(Halving, rungs=RUNGS[1:], keep=THIRD),
    f"screen={list(SCREEN)}": partial(Halving, rungs=RUNGS, keep=KEEP, screen=SCREEN),
    f"screen={list(SCREEN)} rungs=[3,9]": partial(
        Halving, rungs=RUNGS[1:], keep=KEEP, screen=SCREEN
    ),
    **{
        f"rank_by={other}": partial(Halving, rungs=RUNGS, keep=KEEP, rank_by=other)
        for other in MEASURED
        if other != RANK_BY
    },
    "the best by that measure in each of four bands of MACs": lambda brief: ByNiche(
        brief, RUNGS, keep=KEEP
    ),
    "by that measure alone": lambda brief: Halving(
        brief.model_copy(update={"objectives": brief.objectives[:1]}), RUNGS, keep=KEEP
    ),
}


def main() -> None:
    """Print three tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--candidates", nargs="+", type=int, default=[60, 120])
    given = parser.parse_args()
    entries = load_table(TABLE)[1]
    calibrate([entry for entry in entries if entry.seed == 0])
    title = (
        "hypervolume kept: mean, deviation, least | with accuracies from 0.55: mean, least | "
        "epochs spent: mean, most"
    )
    for candidates in given.candidates:
        print(
            f"\n{candidates} candidates drawn from the table, {given.seeds} seeds\n| promotion | "
            f"{title} |\n|---|---|---|---|"
        )
        bench = Bench("random")
        whole = [
            bench.search(Everything, seed, Budget(proposals=candidates), drawn=True)
            for seed in range(given.seeds)
        ]
        for name, promotion in PROMOTIONS.items():
            parts = [
                bench.search(promotion, seed, Budget(proposals=candidates), drawn=True)
                for seed in range(given.seeds)
            ]
            print(row(name, bench, parts, whole), flush=True)
    candidates = given.candidates[0]
    epochs = round(candidates * 27 * THIRD)
    print(
        f"\nHalving with {epochs} epochs, {candidates} whole trainings, {given.seeds} seeds\n| "
        f"propose | {title} |\n|---|---|---|---|"
    )
    for name in ("evolution", "sampler"):
        bench = Bench(name)
        whole = [
            bench.search(Everything, seed, Budget(proposals=5000, trained=candidates))
            for seed in range(given.seeds)
        ]
        halved = next(iter(PROMOTIONS.values()))
        parts = [
            bench.search(halved, seed, Budget(proposals=5000, epochs=epochs))
            for seed in range(given.seeds)
        ]
        print(row(name, bench, parts, whole), flush=True)


def calibrate(entries: Sequence[Entry]) -> None:
    """Rank correlation of each measure after each rung with the accuracy after all epochs."""
    final = [entry.val_accuracy[-1] for entry in entries]
    print(
        f"{len(entries)} networks; Spearman / Kendall with the accuracy after "
        f"{len(entries[0].val_accuracy)} epochs"
    )
    print(
        f"| measure | {' | '.join(f'epoch {rung}' for rung in RUNGS)} "
        f"|\n|---|{'---:|' * len(RUNGS)}"
    )
    for name, measure in MEASURES.items():
        values = [[measure(entry, rung) for entry in entries] for rung in RUNGS]
        cells = [
            f"{spearmanr(each, final).statistic:.2f} / {kendalltau(each, final).statistic:.2f}"
            for each in values
        ]
        print(f"| {name} | {' | '.join(cells)} |")


class Bench:
    """Searches over the table with one proposer."""

    def __init__(self, propose: str) -> None:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            self.cfg = compose("config", ["+experiment=bench_lmanet", f"propose={propose}"])
        self.space, self.target, self.data = (
            instantiate(self.cfg.space),
            instantiate(self.cfg.target),
            instantiate(self.cfg.data),
        )
        self.executor: Executor = InProcess(
            instantiate(self.cfg.train.mini, _partial_=True)(data=self.data)
        )
        by_id = {entry.id: entry.architecture for entry in load_table(TABLE)[1]}
        self.networks = [self.space.parse(json.loads(text)) for text in by_id.values()]
        self.pareto = self._pareto(0.0)
        self.strict = self._pareto(WORST_ACCURACY)

    def _pareto(self, worst_accuracy: float) -> ParetoFront:
        objectives = {name: dict(spec) for name, spec in self.cfg.pareto.objectives.items()}
        objectives["val_accuracy"]["reference"] = worst_accuracy
        return ParetoFront(objectives, self.target.limits)

    def search(
        self,
        promotion: Callable[[Brief], Promotion],
        seed: int,
        budget: Budget,
        drawn: bool = False,
    ) -> list[Trial]:
        """One run of the loop; with ``drawn`` each network of the table is proposed at most once,
        whatever was trained.
        """
        with TemporaryDirectory() as folder:
            history = History(RunFolder(folder))
            Search(self.steps(promotion, seed, drawn), history, budget, seed).run()
            return history.trials

    def steps(self, promotion: Callable[[Brief], Promotion], seed: int, drawn: bool) -> Steps:
        """The parts of a run."""
        goals = tuple(
            Goal(name=goal.name, maximise=goal.maximise) for goal in self.pareto.objectives
        )
        brief = Brief(
            space=self.space,
            seed=seed,
            images=self.data.description,
            num_classes=self.data.num_classes,
            limits=self.target.limits,
            platform=self.target.platform,
            objectives=goals,
        )
        proposer: Proposer = (
            FromTable(self.networks, seed)
            if drawn
            else instantiate(self.cfg.propose, _partial_=True)(brief=brief)
        )
        return Steps(
            proposer=proposer,
            validator=instantiate(self.cfg.validate, _partial_=True)(
                space=self.space, target=self.target, num_classes=brief.num_classes
            ),
            promotion=promotion(brief),
            executor=self.executor,
            pareto=self.pareto,
            feedback=NoFeedback(self.space),
        )


def row(name: str, bench: Bench, parts: Sequence[list[Trial]], whole: Sequence[list[Trial]]) -> str:
    """What is kept of whole trainings, and at what price, seed by seed."""
    pairs = list(zip(parts, whole, strict=True))
    kept = [bench.pareto.hypervolume(part) / bench.pareto.hypervolume(all_) for part, all_ in pairs]
    strict = [
        bench.strict.hypervolume(part) / bench.strict.hypervolume(all_) for part, all_ in pairs
    ]
    spent = [epochs(part) / epochs(all_) for part, all_ in pairs]
    cells = [
        f"{fmean(kept):.4f}, {stdev(kept):.4f}, {min(kept):.4f}",
        f"{fmean(strict):.3f}, {min(strict):.3f}",
    ]
    return f"| {name} | {' | '.join(cells)} | {fmean(spent):.3f}, {max(spent):.3f} |"


def epochs(trials: Sequence[Trial]) -> int:
    """Of all trainings together."""
    return sum(trial.score.epochs for trial in trials if trial.score)


if __name__ == "__main__":
    main()
