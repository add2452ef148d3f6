"""Paired tests between searchers: runs with the same seed are pairs; pure functions of numbers."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, rankdata, wilcoxon

Floats = NDArray[np.float64]
SIGNIFICANCE = 0.05
FEWEST_SEEDS = 6  # with 5 pairs the smallest two-sided p that there can be is 2 / 2**5 = 0.0625
RESAMPLES = 9999


class Pair(NamedTuple):
    """Two searchers on their common seeds, after the same number of evaluations; differences are
    ``first`` less ``second``.

    Attributes:
        seeds: common ones.
        won, lost: seeds in which ``first`` had more, or less; the rest are ties.
        difference: median of the differences.
        interval: its 95 % bootstrap interval; None for a single seed.
        effect: matched-pairs rank-biserial correlation, -1 to 1: 1 where ``first`` wins every seed.
        p: of Wilcoxon's signed-rank test, two-sided.
        p_holm: corrected for all pairs of the page.
    """

    first: str
    second: str
    seeds: int
    won: int
    lost: int
    difference: float
    interval: tuple[float, float] | None
    effect: float
    p: float
    p_holm: float = 1.0

    @property
    def significant(self) -> bool:
        """Told apart, after Holm's correction."""
        return self.seeds >= FEWEST_SEEDS and self.p_holm < SIGNIFICANCE

    @property
    def share_won(self) -> float:
        """Of the common seeds."""
        return self.won / self.seeds if self.seeds else 0.0

    @property
    def share_lost(self) -> float:
        """Of the common seeds; what neither won nor lost is a tie."""
        return self.lost / self.seeds if self.seeds else 0.0

    def turned(self) -> "Pair":
        """The same, seen from ``second``."""
        interval = (-self.interval[1], -self.interval[0]) if self.interval else None
        return self._replace(
            first=self.second,
            second=self.first,
            won=self.lost,
            lost=self.won,
            difference=-self.difference,
            interval=interval,
            effect=-self.effect,
        )


def compare_pairs(results: Mapping[str, Mapping[int, float]]) -> list[Pair]:
    """Test every pair of searchers that have a seed in common.

    Args:
        results: searcher -> seed -> what it had reached.
    """
    pairs = []
    for first, second in combinations(results, 2):
        if seeds := sorted(results[first].keys() & results[second].keys()):
            ours, theirs = (
                np.array([results[name][seed] for seed in seeds]) for name in (first, second)
            )
            pairs.append(_pair(first, second, ours - theirs))
    corrected = holm([pair.p for pair in pairs])
    return [pair._replace(p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the i-th smallest of m times (m - i + 1), never below one before
    it, at most 1.
    """
    order = np.argsort(ps, kind="stable")
    factors = np.arange(len(ps), 0, -1)
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(np.maximum.accumulate(np.array(ps)[order] * factors), 1.0)
    return [float(p) for p in corrected]


def rank_biserial(differences: Floats) -> float:
    """Kerby's matched-pairs rank-biserial correlation: (W+ - W-) / (W+ + W-) over the ranks of what
    is not 0; 0 where all is.
    """
    moved = differences[differences != 0]
    if not moved.size:
        return 0.0
    ranks = rankdata(np.abs(moved))
    return float(np.sum(ranks * np.sign(moved)) / np.sum(ranks))


def median_interval(differences: Floats) -> tuple[float, float] | None:
    """95 % percentile bootstrap interval of the median; the same for the same numbers."""
    if differences.size < 2:
        return None
    drawn = bootstrap(
        (differences,),
        np.median,
        n_resamples=RESAMPLES,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def _pair(first: str, second: str, differences: Floats) -> Pair:
    differences = np.round(differences, 12)  # equal results of a sum in another order are ties
    return Pair(
        first=first,
        second=second,
        seeds=differences.size,
        won=int(np.sum(differences > 0)),
        lost=int(np.sum(differences < 0)),
        difference=float(np.median(differences)),
        interval=median_interval(differences),
        effect=rank_biserial(differences),
        p=float(wilcoxon(differences).pvalue) if np.any(differences) else 1.0,
    )
