"""What a network runs on: cores, and targets with their memory map and limits."""

from lmanet.board.cycles import MeasuredCycles
from lmanet.board.kit import Kit, Region
from lmanet.board.target import Target, Unlimited, load_target, usual_target

__all__ = [
    "Kit",
    "MeasuredCycles",
    "Region",
    "Target",
    "Unlimited",
    "load_target",
    "usual_target",
]
