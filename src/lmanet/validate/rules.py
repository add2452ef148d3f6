"""One class per rule of a proposal. Each breach has a hint for people and for the model."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from lmanet.board import Target
from lmanet.cost.c_runtime.fields import overflows
from lmanet.cost.candidate_cost import Peak
from lmanet.cost.estimate import macs
from lmanet.cost.flash import flash_bytes
from lmanet.network import Architecture, Operator
from lmanet.network.graph import operators
from lmanet.run.records import Violation
from lmanet.space import AnyArchitecture, AnyCost, SearchSpace, architecture_id

MEMBERSHIP = "membership"
DUPLICATE = "duplicate"
GENERATED = "generated_c"


@dataclass(frozen=True)
class Membership:
    """Every field has a value of the space."""

    space: SearchSpace

    def check(self, architecture: AnyArchitecture) -> Iterator[Violation]:
        """One violation a field that lies outside."""
        for reason in self.space.violations(architecture):
            yield Violation(
                rule=MEMBERSHIP,
                hint=f"{reason} in the space {self.space.name} (conf/space/{self.space.name}.yaml)",
            )


@dataclass(frozen=True)
class Duplicate:
    """No proposal before was the same network, however it was written.

    Attributes:
        known: canonical ids of the networks that were.
        change: what to change, in words.
    """

    known: Collection[str]
    change: str

    def check(self, architecture: AnyArchitecture) -> Iterator[Violation]:
        """At most one violation."""
        if architecture_id(architecture) in self.known:
            yield Violation(
                rule=DUPLICATE, hint=f"this network was proposed before; change {self.change}"
            )


class Generated:
    """The generated C can hold every shape of the network, so that what is
    trained can be deployed.
    """

    def check(self, architecture: Architecture, num_classes: int) -> Iterator[Violation]:
        """At most one violation, of the first operator that is too large."""
        for operator in operators(architecture, num_classes):
            for overflow in overflows(operator):
                yield Violation(rule=GENERATED, hint=f"{overflow} (conf/space)")
                return


@dataclass(frozen=True)
class Limit:
    """One quantity of the cost stays within what the target leaves to the network.

    Attributes:
        quantity: one that the cost of the space's candidates knows.
        limit: the most that is allowed.
    """

    quantity: str
    limit: int
    target: Target

    def check(
        self, architecture: AnyArchitecture, num_classes: int, cost: AnyCost
    ) -> Iterator[Violation]:
        """At most one violation; its hint says where a network spends most."""
        given = cost.quantities()[self.quantity]
        if given <= self.limit:
            return
        where, advice = self._advise(architecture, num_classes, cost)
        amount = f"{self.quantity}={round(given)}{f' {where}' if where else ''}"
        name, more = self.target.name, self._in_one_piece(given)
        hint = (
            f"{amount} exceeds the limit {self.limit} of target {name}{more}; {advice} "
            f"(conf/target/{name}.yaml)"
        )
        yield Violation(rule=self.quantity, given=given, limit=self.limit, hint=hint)

    def _advise(
        self, architecture: AnyArchitecture, num_classes: int, cost: AnyCost
    ) -> tuple[str, str]:
        if (network := architecture.network) and cost.peak and self.quantity in ADVICE:
            return ADVICE[self.quantity](network, num_classes, cost.peak)
        return "", "take one that costs less"

    def _in_one_piece(self, given: float) -> str:
        """A note on an arena that the memory could hold if it were contiguous; else empty."""
        target = self.target
        if (
            self.quantity != "peak_sram_bytes"
            or given > target.sram_bytes - target.reserved_sram_bytes
        ):
            return ""
        return (
            f" (it must lie in one region, and the largest, {target.region.name}, has "
            f"{target.region.bytes} of {target.sram_bytes} bytes)"
        )


def _advise_macs(architecture: Architecture, num_classes: int, _: Peak) -> tuple[str, str]:
    part, share = _largest_part(architecture, num_classes, macs)
    return (
        f"({share:.0%} of them in {part})",
        f"use fewer channels, layers or a smaller expansion in {part}, or stride 2 before it",
    )


def _advise_sram(_: Architecture, __: int, peak: Peak) -> tuple[str, str]:
    return (
        f"at {peak.operator}",
        "halve the channels or the expansion there, or put stride 2 earlier",
    )


def _advise_flash(architecture: Architecture, num_classes: int, peak: Peak) -> tuple[str, str]:
    part, share = _largest_part(
        architecture, num_classes, partial(flash_bytes, runtime=peak.runtime)
    )
    return (
        f"({share:.0%} of them in {part})",
        f"use fewer channels, layers or a smaller expansion in {part}",
    )


def _largest_part(
    architecture: Architecture, num_classes: int, measure: Callable[[Operator], int]
) -> tuple[str, float]:
    """The stage, stem, head or classifier that takes most, and its share."""
    parts: Counter[str] = Counter()
    for operator in operators(architecture, num_classes):
        parts[operator.name.partition(".")[0]] += measure(operator)
    part, most = parts.most_common(1)[0]
    return part, most / parts.total()


# Quantity of a limit -> (where the network spends it, what to do about it).
ADVICE: dict[str, Callable[[Architecture, int, Peak], tuple[str, str]]] = {
    "macs": _advise_macs,
    "peak_sram_bytes": _advise_sram,
    "flash_bytes": _advise_flash,
    "estimated_latency_ms": _advise_macs,
}
