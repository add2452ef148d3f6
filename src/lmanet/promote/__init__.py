"""Takes the trials, says which paused candidate is trained further: every candidate to its end, or
the promising ones by halving.
"""

from lmanet.promote.everything import Everything
from lmanet.promote.halving import Halving
from lmanet.promote.ranks import aggregate

__all__ = ["Everything", "Halving", "aggregate"]
