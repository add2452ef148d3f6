"""A trial with its rationale and what is known by now -> each claim with its truth and the reason."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from lmanet.rationale import Claim
from lmanet.records import Trial


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
    raise NotImplementedError
