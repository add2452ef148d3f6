"""How often a model's claims about its own networks are true."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from lmanet.claims.check import Others, Truth, check_claims, known_facts
from lmanet.claims.claim import Claim, FormClaim
from lmanet.run.records import Trial

ALL = "all kinds"


class Rate(NamedTuple):
    """Claims of one proposer and one kind.

    Attributes:
        kind: name of the claim, or `ALL`.
        chance: baseline: how often a generic claim would be true. It is the mean share of the run's
            other networks of which the same claims hold. Of claims on a network's form alone; None
            where there are none.
        form_true, form_known: true claims on form, and those that are true or false. Compare their
            share with ``chance``.
    """

    proposer: str
    kind: str
    true: int
    false: int
    unknown: int
    chance: float | None
    form_true: int
    form_known: int

    @property
    def known(self) -> int:
        """True or false."""
        return self.true + self.false

    @property
    def rate(self) -> float | None:
        """True ones among those that can be told."""
        return self.true / self.known if self.known else None

    @property
    def form_rate(self) -> float | None:
        """As `rate`, of the claims on form alone."""
        return self.form_true / self.form_known if self.form_known else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the rate by Wilson's formula."""
        if not self.known:
            return None
        from scipy.stats import binomtest  # takes half a second to import

        found = binomtest(self.true, self.known).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


class _Count(NamedTuple):
    truth: Truth
    chance: float | None


def rates(*runs: Sequence[Trial]) -> list[Rate]:
    """One row for all claims of a proposer, then one a kind; none where nobody claims anything.

    Args:
        runs: the trials of each run; each is checked against its own run.
    """
    counted: defaultdict[tuple[str, str], list[_Count]] = defaultdict(list)
    for trials in runs:
        known = Others(trials)
        networks = {trial.id: trial for trial in trials if trial.architecture}
        truths: dict[Claim, dict[str | None, bool]] = {}  # many trials make the same claim
        for trial in trials:
            own = trial.id  # to take the hash of an architecture is not free
            for checked in check_claims(trial, known):
                if checked.claim not in truths:
                    truths[checked.claim] = _truths(checked.claim, networks)
                others = [
                    holds for identity, holds in truths[checked.claim].items() if identity != own
                ]
                count = _Count(checked.truth, fmean(others) if others else None)
                for kind in (ALL, checked.claim.claim):
                    counted[trial.proposal.proposer, kind].append(count)
    return [
        _rate(*key, counts)
        for key, counts in sorted(
            counted.items(), key=lambda item: (item[0][0], item[0][1] != ALL, item[0][1])
        )
    ]


def unreadable(trials: Sequence[Trial]) -> Counter[str]:
    """Proposer -> number of statements that are no readable claim."""
    return Counter(
        trial.proposal.proposer
        for trial in trials
        if trial.proposal.rationale
        for _ in trial.proposal.rationale.faults
    )


def _rate(proposer: str, kind: str, counts: Sequence[_Count]) -> Rate:
    truths = Counter(count.truth for count in counts)
    form = [
        count for count in counts if count.chance is not None and count.truth is not Truth.UNKNOWN
    ]
    return Rate(
        proposer,
        kind,
        true=truths[Truth.TRUE],
        false=truths[Truth.FALSE],
        unknown=truths[Truth.UNKNOWN],
        chance=fmean(count.chance for count in form if count.chance is not None) if form else None,
        form_true=sum(count.truth is Truth.TRUE for count in form),
        form_known=len(form),
    )


def _truths(claim: Claim, networks: Mapping[str | None, Trial]) -> dict[str | None, bool]:
    """Network -> whether the claim is true of it. Only for claims on the form, and only if that can
    be told.
    """
    if not isinstance(claim, FormClaim):
        return {}
    found = {}
    for identity, trial in networks.items():
        facts = known_facts(trial, Others(()))
        holds = claim.check(facts).holds if facts else None
        if holds is not None:
            found[identity] = holds
    return found
