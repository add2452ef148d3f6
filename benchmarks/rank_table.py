"""The table of ways to rank: how well each orders candidates, alone and beside their size."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from rank_statistics import kendall, kendall_beside

from lmanet.explain.compare.statistics import Pair, compare_pairs

AGAINST = ("random", "largest first")  # the bars: chance, and a rule that costs nothing
SIZE = "largest first"


class Judged(NamedTuple):
    """What an order of candidates is worth.

    Attributes:
        tau: Kendall's tau-b with the truth.
        beside: its partial tau, what it says of the truth that the size does not; NaN where the
            size says all.
        regret: points of accuracy that the first of the order lacks of the best candidate.
    """

    seed: int
    size: int
    tau: float
    beside: float
    regret: float


def judge(
    scores: Sequence[float], truth: Sequence[float], sizes: Sequence[float]
) -> tuple[float, float, float]:
    """Tau, that beside the size, and regret. Ties of the first place share its regret; a constant
    order has tau 0.
    """
    first, second, known = (np.array(each, dtype=float) for each in (scores, truth, sizes))
    regret = second.max() - second[first == first.max()].mean()
    return kendall(first, second), kendall_beside(first, second, known), float(regret)


def table_of(
    judged: Mapping[str, Sequence[Judged]], sizes: Sequence[int], bars: Sequence[str] = AGAINST
) -> Iterator[str]:
    """A row a way: means and spread over seeds; p of the regret, after Holm over all pairs."""
    heads = [f"p (effect) against {bar}" for bar in bars]
    columns = ["trained", "way", "seeds, decisions", "tau", "beside size", "regret, points", *heads]
    yield f"| {' | '.join(columns)} |"
    yield f"|---:|---|---|---:|---:|{'---|' * (1 + len(heads))}"
    for size in sizes:
        yield from _rows(judged, size, bars)


def _rows(judged: Mapping[str, Sequence[Judged]], size: int, bars: Sequence[str]) -> Iterator[str]:
    by_seed = {way: _means(found, size) for way, found in judged.items()}
    regrets = {way: {s: -e.regret for s, e in seeds.items()} for way, seeds in by_seed.items()}
    against = {(pair.first, pair.second): pair for pair in compare_pairs(regrets)}
    for way, seeds in by_seed.items():
        if not seeds:
            continue
        means = list(seeds.values())
        found = [each.regret for each in means]
        beside = [each.beside for each in means if not np.isnan(each.beside)]
        cells = [
            f"{size}",
            way,
            f"{len(seeds)}, {sum(each.size == size for each in judged[way])}",
            f"{fmean(each.tau for each in means):.2f}",
            f"{fmean(beside):.2f}" if beside and way != SIZE else "",
            f"{fmean(found):.2f} ({stdev(found):.2f})" if len(found) > 1 else f"{found[0]:.2f}",
            *(_test(against.get((bar, way)), len(seeds)) for bar in bars),
        ]
        yield f"| {' | '.join(cells)} |"


def _means(found: Sequence[Judged], size: int) -> dict[int, Judged]:
    """Seed -> the means over its decisions."""
    seeds: dict[int, list[Judged]] = defaultdict(list)
    for each in found:
        if each.size == size:
            seeds[each.seed].append(each)
    return {seed: Judged(seed, size, *_mean_of(each)) for seed, each in seeds.items()}


def _mean_of(found: Sequence[Judged]) -> tuple[float, float, float]:
    known = [each.beside for each in found if not np.isnan(each.beside)]
    return (
        fmean(each.tau for each in found),
        fmean(known) if known else float("nan"),
        fmean(each.regret for each in found),
    )


def _test(pair: Pair | None, seeds: int) -> str:
    return f"{pair.p_holm:.3f} ({-pair.effect:+.2f})" if pair and seeds > 1 else ""
