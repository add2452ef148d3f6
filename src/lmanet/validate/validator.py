"""Validator: checks membership, duplicates and limits; what breaks a rule is not trained."""

from collections.abc import Collection, Iterator

from lmanet.board import Target, Unlimited
from lmanet.errors import ConfigError
from lmanet.run.records import Verdict, Violation
from lmanet.space import AnyArchitecture, SearchSpace, estimate_on
from lmanet.validate.rules import Duplicate, Generated, Limit, Membership


class Validator:
    """Checks proposals against a space and a target.

    Args:
        num_classes: width of the classifier, which counts in every cost.
        target: limits only what is known of the space's candidates; `Unlimited` takes any space.
        enforce: refuse what exceeds a limit. Without it such a network is trained, with its
            violations on record, and still never enters the front; this is the ablation
            ``no_validator``.

    Raises:
        ConfigError: the target limits what is not known of the space's candidates.
    """

    def __init__(
        self, space: SearchSpace, target: Target | Unlimited, num_classes: int, enforce: bool = True
    ) -> None:
        if not set(target.limits) <= set(space.quantities):
            raise ConfigError(
                f"target {target.name} limits {', '.join(target.limits)}, and the space "
                f"{space.name} knows {', '.join(space.quantities)} alone; take target=none"
            )
        self.membership = Membership(space)
        self.target = target
        self.limits = (
            ()
            if isinstance(target, Unlimited)
            else tuple(Limit(*limit, target) for limit in target.limits.items())
        )
        self.num_classes = num_classes
        self.enforce = enforce

    def validate(self, architecture: AnyArchitecture, known: Collection[str]) -> Verdict:
        """Name every rule that ``architecture`` breaks; outside the space
        nothing else is checked.
        """
        if outside := tuple(self.membership.check(architecture)):
            return Verdict(accepted=False, violations=outside)
        cost = estimate_on(architecture, self.num_classes, self.target.platform)
        repeated = tuple(Duplicate(known, self.membership.space.small_change).check(architecture))
        exceeded = tuple(self._exceeded(architecture))
        accepted = not repeated and not (self.enforce and exceeded)
        return Verdict(accepted=accepted, cost=cost, violations=repeated + exceeded)

    def _exceeded(self, architecture: AnyArchitecture) -> Iterator[Violation]:
        """Limits that a candidate breaks: those of the board and, of a network, those of the
        generated C.
        """
        if self.limits and (network := architecture.network):
            yield from Generated().check(network, self.num_classes)
        cost = estimate_on(architecture, self.num_classes, self.target.platform)
        for limit in self.limits:
            yield from limit.check(architecture, self.num_classes, cost)
