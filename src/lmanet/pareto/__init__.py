"""Takes the trials, gives those that none beats, and one number for how far they reach."""

from lmanet.pareto.front import ParetoFront
from lmanet.pareto.objective import Objective

__all__ = ["Objective", "ParetoFront"]
