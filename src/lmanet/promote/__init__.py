"""The trials -> which paused candidate trains on: each to its end, or the best by halving."""

from lmanet.promote.everything import Everything
from lmanet.promote.halving import Halving
from lmanet.promote.order import aggregate

__all__ = ["Everything", "Halving", "aggregate"]
