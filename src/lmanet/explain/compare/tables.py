"""The rows of the page's tables: pure functions of runs and their progress."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lmanet.claims.rates import ALL, Rate, rates
from lmanet.explain.compare.curves import CHECKPOINTS, MEASURES, Measure, Progress
from lmanet.explain.compare.runs import Searcher
from lmanet.run.records import Trial


class Summary(NamedTuple):
    """Of a measure over seeds."""

    mean: float
    lower: float
    median: float
    upper: float


class CheckpointRow(NamedTuple):
    """A searcher after so many evaluations, over the ``seeds`` that went so far."""

    evaluations: int
    label: str
    seeds: int
    measures: Mapping[Measure, Summary]


class SpendingRow(NamedTuple):
    """What became of all proposals of a searcher, as shares of 1, and what they cost in a run, as
    means.

    Attributes:
        valid: a network of the space.
        feasible: valid, and within every limit.
        new: valid, and not proposed before.
        useful: all three.
        tokens_a_network: tokens of all proposals by networks trained.
        seconds: of proposing.
        retries: requests to a model made again after one that failed.
    """

    label: str
    proposals: int
    valid: float
    feasible: float
    new: float
    useful: float
    tokens: float
    tokens_a_network: float
    seconds: float
    retries: float


class ClaimsRow(NamedTuple):
    """How often what a searcher's model says of its networks is true."""

    label: str
    rate: Rate


def checkpoints(evaluations: Iterable[int]) -> list[int]:
    """Those that a run reached, and the number that all runs reached.

    Args:
        evaluations: of each run.
    """
    counts = list(evaluations)
    return sorted({point for point in CHECKPOINTS if point <= max(counts)} | {min(counts)})


def checkpoint_rows(
    histories: Mapping[str, Mapping[int, Progress]], points: Sequence[int]
) -> list[CheckpointRow]:
    """By checkpoint, then searcher."""
    rows = []
    for point in points:
        for label, runs in histories.items():
            if reached := [run for run in runs.values() if run.evaluations[-1] >= point]:
                measures = {
                    measure: summary(getattr(run, measure)[run.after(point)] for run in reached)
                    for measure in MEASURES
                }
                rows.append(CheckpointRow(point, label, len(reached), measures))
    return rows


def csv_rows(
    histories: Mapping[str, Mapping[int, Progress]], points: Sequence[int]
) -> list[dict[str, object]]:
    """One row a searcher, seed and checkpoint."""
    rows: list[dict[str, object]] = []
    for label, runs in histories.items():
        for seed, run in runs.items():
            for point in points:
                if run.evaluations[-1] >= point:
                    reached = {
                        name: float(values[run.after(point)])
                        for name, values in run._asdict().items()
                    }
                    rows.append(
                        {"searcher": label, "seed": seed} | {**reached, "evaluations": point}
                    )
    return rows


def spending_row(searcher: Searcher) -> SpendingRow:
    """Over all runs of a searcher."""
    trials = [trial for run in searcher.runs.values() for trial in run.trials]
    usages = [trial.proposal.usage for trial in trials]
    runs = len(searcher.runs)
    tokens = sum(usage.tokens for usage in usages)
    return SpendingRow(
        label=searcher.label,
        proposals=len(trials),
        valid=_share(trials, rules=()),
        feasible=_share(trials, rules=_limits(trials)),
        new=_share(trials, rules={"duplicate"}),
        useful=_share(trials, rules={"duplicate", *_limits(trials)}),
        tokens=tokens / runs,
        tokens_a_network=tokens / sum(run.evaluations for run in searcher.runs.values()),
        seconds=sum(usage.seconds for usage in usages) / runs,
        retries=sum(usage.retries for usage in usages) / runs,
    )


def claims_rows(searcher: Searcher) -> list[ClaimsRow]:
    """Of all runs of a searcher, one row a model; none where none claims anything."""
    found = rates(*(run.trials for run in searcher.runs.values()))
    return [ClaimsRow(searcher.label, rate) for rate in found if rate.kind == ALL]


def summary(values: Iterable[float]) -> Summary:
    """Mean and quartiles."""
    array = np.array(list(values))
    lower, median, upper = (float(value) for value in np.quantile(array, [0.25, 0.5, 0.75]))
    return Summary(float(array.mean()), lower, median, upper)


def _limits(trials: Sequence[Trial]) -> set[str]:
    """The rules that are limits of the target, of those that were broken."""
    broken = {
        violation.rule
        for trial in trials
        if trial.verdict
        for violation in trial.verdict.violations
    }
    return broken - {"duplicate", "membership"}


def _share(trials: Sequence[Trial], rules: Collection[str]) -> float:
    """Of proposals that are a network of the space and break none of the rules."""
    verdicts = [trial.verdict for trial in trials if trial.verdict and trial.verdict.cost]
    kept = [
        verdict
        for verdict in verdicts
        if not any(violation.rule in rules for violation in verdict.violations)
    ]
    return len(kept) / len(trials)
