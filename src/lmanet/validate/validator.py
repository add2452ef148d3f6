"""Validator: membership, duplicate, cost, in this order; what breaks a rule is not trained."""

from collections.abc import Collection

from lmanet.records import Verdict
from lmanet.space import Architecture, Space, estimate_on
from lmanet.validate.rules import Duplicate, Limit, Membership
from lmanet.validate.target import Target


class Validator:
    """Checks proposals against a space and a target.

    Args:
        num_classes: width of the classifier, which counts in every cost.
        enforce: refuse what exceeds a limit. Without it such a network is trained, with its violations on record, and
            still never enters the front; this is the ablation ``no_validator``.
    """

    def __init__(self, space: Space, target: Target, num_classes: int, enforce: bool = True) -> None:
        self.membership = Membership(space)
        self.target = target
        self.limits = tuple(Limit(quantity, limit, target) for quantity, limit in target.limits.items())
        self.num_classes = num_classes
        self.enforce = enforce

    def validate(self, architecture: Architecture, known: Collection[str]) -> Verdict:
        """Name every rule that ``architecture`` breaks; outside the space nothing else is checked."""
        if outside := tuple(self.membership.check(architecture)):
            return Verdict(accepted=False, violations=outside)
        cost = estimate_on(architecture, self.num_classes, self.target.platform)
        repeated = tuple(Duplicate(known).check(architecture))
        exceeded = tuple(violation for limit in self.limits for violation in limit.check(architecture, self.num_classes, cost))
        accepted = not repeated and not (self.enforce and exceeded)
        return Verdict(accepted=accepted, cost=cost, violations=repeated + exceeded)
