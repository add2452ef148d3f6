"""A trial with its rationale and what is known by now -> each claim with its
truth and the reason.
"""

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from lmanet.claims.form import Finding, check_network
from lmanet.claims.kinds import CheaperThanParent, Claim, ExpectedAccuracy
from lmanet.claims.words import words
from lmanet.run.records import Status, Trial


class Truth(StrEnum):
    """Of a claim."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "cannot be told"


class CheckedClaim(NamedTuple):
    """A claim held against the facts.

    Attributes:
        words: the claim as a sentence.
        reason: the facts that make it true or false, or what is missing.
    """

    claim: Claim
    words: str
    truth: Truth
    reason: str


def check_claims(trial: Trial, trials: Sequence[Trial]) -> list[CheckedClaim]:
    """The claims of a trial in their order; none where it has no rationale or no architecture.

    Args:
        trials: of the run, among which its parent and the networks trained before it are looked up.
    """
    if not trial.proposal.rationale:
        return []
    findings = [(claim, _find(claim, trial, trials)) for claim in trial.proposal.rationale.claims]
    return [
        CheckedClaim(claim, words(claim), truth(found), found.reason)
        for claim, found in findings
        if found
    ]


def truth(found: Finding) -> Truth:
    """In one word."""
    return Truth.UNKNOWN if found.holds is None else Truth.TRUE if found.holds else Truth.FALSE


def _find(claim: Claim, trial: Trial, trials: Sequence[Trial]) -> Finding | None:
    if trial.architecture is None:
        return None
    if isinstance(claim, CheaperThanParent):
        return _cheaper(claim, trial, _parent(trial, trials))
    if isinstance(claim, ExpectedAccuracy):
        return _accuracy(claim, trial, trials)
    return check_network(claim, trial.architecture, trial.verdict.cost if trial.verdict else None)


def _parent(trial: Trial, trials: Sequence[Trial]) -> Trial | None:
    """The last trial of its parent's architecture: a duplicate of that was never trained."""
    found = [
        other
        for other in trials
        if other.id == trial.proposal.parent and other.number != trial.number
    ]
    return (
        max(found, key=lambda other: (other.score is not None, other.number), default=None)
        if trial.proposal.parent
        else None
    )


def _cheaper(claim: CheaperThanParent, trial: Trial, parent: Trial | None) -> Finding:
    """True where the saving is at least as claimed; one of 0 % is true of any saving at all."""
    if parent is None:
        return Finding(None, "it has no parent")
    own, other = (
        getattr(one.verdict.cost, claim.quantity, None) if one.verdict else None
        for one in (trial, parent)
    )
    if own is None or not other:
        return Finding(None, f"{claim.quantity} is not known of both")
    saving = 100 * (1 - own / other)
    figures = (
        f"{own:,} against the parent's {other:,}: {abs(saving):.1f} % "
        f"{'less' if saving >= 0 else 'more'}"
    )
    return Finding(own < other and saving >= claim.by_percent, figures)


def _accuracy(claim: ExpectedAccuracy, trial: Trial, trials: Sequence[Trial]) -> Finding:
    own = _trained(trial)
    if own is None:
        return Finding(None, "it was not trained to the end")
    if claim.than == "parent":
        parent = _parent(trial, trials)
        known = [accuracy] if parent and (accuracy := _trained(parent)) is not None else []
    else:
        known = [
            accuracy
            for other in trials
            if other.number < trial.number and (accuracy := _trained(other)) is not None
        ]
    if not known:
        return Finding(
            None,
            "its parent was not trained to the end, or it has none"
            if claim.than == "parent"
            else "none was trained before it",
        )
    other = fmean(known) if claim.than == "mean" else max(known)
    reason = f"{own:.1%} against {other:.1%}" + (", equal" if own == other else "")
    return Finding(own > other if claim.expected == "higher" else own < other, reason)


def _trained(trial: Trial) -> float | None:
    return trial.score.val_accuracy if trial.status is Status.TRAINED and trial.score else None
