"""What a network takes, by formula: MACs, memory by runtime, flash, latency."""

from lmanet.cost.c_runtime.plan import CStaticOptions
from lmanet.cost.candidate_cost import CandidateCost
from lmanet.cost.estimate import Cost, estimate
from lmanet.cost.platform import RUNTIMES, Platform, Runtime

__all__ = [
    "RUNTIMES",
    "CStaticOptions",
    "CandidateCost",
    "Cost",
    "Platform",
    "Runtime",
    "estimate",
]
