"""How sure a mean over images is."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

CONFIDENCE = 0.95


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean by bootstrap over the images: percentiles of 9,999 resamples, the
    same at each call.

    Percentiles and not BCa, which has no answer where all values are equal, as for a block that
    changes nothing.
    """
    if len(values) < 2:
        return float(values[0]), float(values[0])
    drawn = bootstrap(
        (values,),
        np.mean,
        confidence_level=CONFIDENCE,
        method="percentile",
        batch=1000,
        rng=np.random.default_rng(0),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
