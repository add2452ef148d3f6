"""A network on a board: its firmware is flashed, talks over a serial line, and is measured."""

from lmanet.measure.bench import Bench
from lmanet.measure.deployed import Measure
from lmanet.measure.in_search import CandidateMeasurer

__all__ = ["Bench", "CandidateMeasurer", "Measure"]
