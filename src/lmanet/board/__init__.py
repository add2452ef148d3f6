"""What a network runs on: the memory map and the limits of a target."""

from lmanet.board.kit import Kit, Region
from lmanet.board.target import Target, load_target

__all__ = [
    "Kit",
    "Region",
    "Target",
    "load_target",
]
