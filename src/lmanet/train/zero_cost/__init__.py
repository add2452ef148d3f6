"""Zero-cost proxies: what can be said of a network's accuracy before it is trained, in less than a
second.
"""

from lmanet.train.zero_cost.proxy import Proxy
from lmanet.train.zero_cost.screen import PROXIES, ZeroCost

__all__ = ["PROXIES", "Proxy", "ZeroCost"]
