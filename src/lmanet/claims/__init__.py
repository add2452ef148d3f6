"""What a model claims of its own networks, held against the architecture, the cost model and, once trained, the result."""

from lmanet.claims.check import CheckedClaim, Truth, check_claims
from lmanet.claims.rates import ALL, Rate, rates, unreadable
from lmanet.claims.rules import WeighedRule, varied, weigh

__all__ = ["ALL", "CheckedClaim", "Rate", "Truth", "WeighedRule", "check_claims", "rates", "unreadable", "varied", "weigh"]
