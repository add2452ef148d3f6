"""Which candidates deserve more training: by dominance, then by what each adds to its rank."""

from collections.abc import Sequence

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
