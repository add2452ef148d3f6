"""A trial and what is known by now -> each of its claims, with its truth and the reason."""

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


def check_claims(trial: Trial, trials: Sequence[Trial]) -> list[CheckedClaim]:
    """The claims of a trial in their order; none where it has no rationale or no architecture.

    Args:
        trials: of the run: its parent and the networks trained before it are among them.
    """
    if not trial.proposal.rationale or (facts := known_facts(trial, trials)) is None:
        return []
    return [_checked(claim, claim.check(facts)) for claim in trial.proposal.rationale.claims]


def known_facts(trial: Trial, trials: Sequence[Trial]) -> Facts | None:
    """What claims on the network of a trial are checked against; None where there is no network."""
    if trial.architecture is None:
        return None
    return Facts(
        architecture=trial.architecture,
        own=_known(trial),
        find_before=partial(_before, trial, trials),
        find_parent=partial(_parent, trial, trials),
    )


def _checked(claim: Claim, found: Finding) -> CheckedClaim:
    truth = Truth.UNKNOWN if found.holds is None else Truth.TRUE if found.holds else Truth.FALSE
    return CheckedClaim(claim, claim.words(), truth, found.reason)


def _before(trial: Trial, trials: Sequence[Trial]) -> tuple[float, ...]:
    """Accuracies of the networks that were trained and have a lower number."""
    found = (_trained(other) for other in trials if other.number < trial.number)
    return tuple(accuracy for accuracy in found if accuracy is not None)


def _parent(trial: Trial, trials: Sequence[Trial]) -> Known | None:
    """Of the last trial of its parent's architecture: a duplicate of that was never trained."""
    if not trial.proposal.parent:
        return None
    found = [
        other
        for other in trials
        if other.id == trial.proposal.parent and other.number != trial.number
    ]
    last = max(found, key=lambda other: (other.score is not None, other.number), default=None)
    return _known(last) if last else None


def _known(trial: Trial) -> Known:
    return Known(trial.verdict.cost if trial.verdict else None, _trained(trial))


def _trained(trial: Trial) -> float | None:
    """Accuracy of a network trained to the end."""
    return trial.score.val_accuracy if trial.status is Status.TRAINED and trial.score else None
