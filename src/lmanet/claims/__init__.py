"""What a model claims of its own networks, held against the architecture, the cost model and, once trained, the result."""

from lmanet.claims.check import CheckedClaim, Truth, check_claims

__all__ = ["CheckedClaim", "Truth", "check_claims"]
