"""What a proxy's ranks say of others: correlations over all and within bands, the best third, and
intervals by resampling.
"""

from collections.abc import Callable
from statistics import fmean

import numpy as np
from scipy.stats import kendalltau, rankdata

Values = np.ndarray  # one value a network; where several seeds are meant (seeds, networks)


def spearman(first: Values, second: Values) -> float:
    """Spearman's rank correlation; 0 where one of the two does not vary."""
    a, b = (rankdata(each) - (len(each) + 1) / 2 for each in (first, second))
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-12))


def kendall(first: Values, second: Values) -> float:
    """Kendall's tau-b; 0 where one of the two does not vary."""
    return float(np.nan_to_num(kendalltau(first, second).statistic))


def kendall_beside(first: Values, second: Values, known: Values) -> float:
    """Kendall's partial tau: what ``first`` says of ``second`` that ``known`` does not; NaN where
    ``known`` says all of one of the two.
    """
    of_both = kendall(first, second)
    of_first, of_second = kendall(first, known), kendall(second, known)
    left = (1 - of_first**2) * (1 - of_second**2)
    return (of_both - of_first * of_second) / left**0.5 if left > 1e-9 else float("nan")


def within_bands(first: Values, second: Values, bands: Values) -> float:
    """Mean over the bands of Spearman's rank correlation within one; ``bands``: number of each
    network's band.
    """
    return fmean(spearman(first[bands == band], second[bands == band]) for band in np.unique(bands))


def best_third(first: Values, second: Values) -> float:
    """Share of the best third by ``second`` that is in the best third by ``first``; a third by
    chance.
    """
    third = len(first) // 3
    return len(set(np.argsort(-first)[:third]) & set(np.argsort(-second)[:third])) / third


def interval(
    statistic: Callable[..., float], values: Values, *others: Values, resamplings: int = 1000
) -> tuple[float, float, float]:
    """Mean over seeds of the statistic, and its 2.5 and 97.5 percentiles over resampled networks.

    Args:
        values: (seeds, networks).
        others: (networks,) each.
    """
    rng = np.random.default_rng(0)

    def of(chosen: Values | slice) -> float:
        return fmean(
            statistic(each[chosen], *(other[chosen] for other in others)) for each in values
        )

    drawn = [of(rng.integers(values.shape[1], size=values.shape[1])) for _ in range(resamplings)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return of(slice(None)), float(low), float(high)
