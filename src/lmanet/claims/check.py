"""A trial and what is known by now -> each of its claims, with its truth and the reason."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from lmanet.claims.claim import Claim, Facts, Finding, Known
from lmanet.run.records import Status, Trial


class Truth(StrEnum):
    """Of a claim."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "cannot be told"


class CheckedClaim(NamedTuple):
    """A claim held against the facts.

    Attributes:
        words: the claim as a phrase.
        reason: the facts that make it true or false, or what is missing.
    """

    claim: Claim
    words: str
    truth: Truth
    reason: str


class Others:
    """The trials of a run, as claims look them up that compare a network with others.

    Args:
        trials: of the run, the one that claims among them; `add` takes in more.
    """

    def __init__(self, trials: Sequence[Trial] = ()) -> None:
        self._numbers: list[int] = []  # of the networks trained to the end, rising
        self._accuracies: list[float] = []
        self._by_id: defaultdict[str | None, dict[int, Trial]] = defaultdict(dict)
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Take in a trial that has ended, or a paused one, perhaps once more."""
        self._by_id[trial.id][trial.number] = trial
        if (accuracy := _trained(trial)) is not None:
            place = bisect_left(self._numbers, trial.number)
            self._numbers.insert(place, trial.number)
            self._accuracies.insert(place, accuracy)

    def before(self, trial: Trial) -> tuple[float, ...]:
        """Accuracies of the networks trained before it."""
        return tuple(self._accuracies[: bisect_left(self._numbers, trial.number)])

    def parent(self, trial: Trial) -> Known | None:
        """Of the last trial of its parent's architecture: a duplicate of that was never trained."""
        if not trial.proposal.parent:
            return None
        of_parent = self._by_id.get(trial.proposal.parent, {}).values()
        found = [other for other in of_parent if other.number != trial.number]
        last = max(found, key=lambda other: (other.score is not None, other.number), default=None)
        return _known(last) if last else None


def check_claims(trial: Trial, others: Others | Sequence[Trial]) -> list[CheckedClaim]:
    """The claims of a trial in their order; none where it has no rationale or no architecture.

    Args:
        others: the trials of the run; those who ask for many trials give `Others`.
    """
    if not trial.proposal.rationale:
        return []
    facts = known_facts(trial, others if isinstance(others, Others) else Others(others))
    if facts is None:
        return []
    return [_checked(claim, claim.check(facts)) for claim in trial.proposal.rationale.claims]


def known_facts(trial: Trial, others: Others) -> Facts | None:
    """What claims on the network of a trial are checked against; None where there is no network."""
    if trial.architecture is None:
        return None
    return Facts(
        architecture=trial.architecture,
        own=_known(trial),
        find_before=partial(others.before, trial),
        find_parent=partial(others.parent, trial),
    )


def _checked(claim: Claim, found: Finding) -> CheckedClaim:
    truth = Truth.UNKNOWN if found.holds is None else Truth.TRUE if found.holds else Truth.FALSE
    return CheckedClaim(claim, claim.words(), truth, found.reason)


def _known(trial: Trial) -> Known:
    return Known(trial.verdict.cost if trial.verdict else None, _trained(trial))


def _trained(trial: Trial) -> float | None:
    """Accuracy of a network trained to the end."""
    return trial.score.val_accuracy if trial.status is Status.TRAINED and trial.score else None
