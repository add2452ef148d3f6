"""Rank aggregation of zero-cost proxies, as AZ-NAS does it."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata


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
