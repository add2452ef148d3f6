"""Which candidates deserve more training: by dominance and what each adds to its rank, or, before
any training, by the ranks of their zero-cost proxies.
"""

from collections.abc import Mapping, Sequence

import moocore
import numpy as np
from scipy.stats import rankdata


def best_first(points: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points, the most promising first: the selection of SMS-EMOA (Beume, Naujoks and
    Emmerich 2007).

    Points are sorted by non-dominated rank, those of one rank by the hypervolume that each alone
    adds. Units do not matter: in each quantity a point counts as its rank among all points, from 0
    to 1.

    Args:
        points: one value a quantity, the smaller the better.
    """
    if not points:
        return []
    shares = (rankdata(points, method="min", axis=0) - 1) / len(points)
    fronts = moocore.pareto_rank(shares)
    gains = np.zeros(len(points))
    if shares.shape[1] > 1:  # in one quantity the rank says it all
        for front in np.unique(fronts):
            gains[fronts == front] = moocore.hv_contributions(
                shares[fronts == front], ref=np.ones(shares.shape[1])
            )
    return sorted(range(len(points)), key=lambda i: (fronts[i], -gains[i]))


def aggregate(values: Sequence[Mapping[str, float]]) -> list[float]:
    """One value a network, at most 0, more is better: sum over proxies of log(rank / M), the worst
    of M networks having rank 1.

    Lee and Ham, "AZ-NAS: assembling zero-cost proxies for network architecture search", CVPR 2024,
    eq. 11: the logarithm lets one bad rank weigh more than several good ones make up for. Networks
    of equal value share the mean of their ranks. What comes out tells the networks of this call
    apart and means nothing beside those of another.

    Args:
        values: proxy -> value of each network, all of the same proxies; more is better.
    """
    if not values:
        return []
    table = np.array([[network[name] for name in values[0]] for network in values])
    return [float(total) for total in np.log(rankdata(table, axis=0) / len(values)).sum(axis=1)]
