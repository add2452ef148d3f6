"""The trials -> those on the Pareto front, and their hypervolume."""

from lmanet.pareto.front import ParetoFront
from lmanet.pareto.objective import Objective

__all__ = ["Objective", "ParetoFront"]
