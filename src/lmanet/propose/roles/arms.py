"""Arms: a closed list of settings of the sampler, what each has brought so far, and a bandit that
chooses among them without a model.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log, sqrt
from statistics import fmean

import numpy as np

from lmanet.base import AtLeast1, NotNegative
from lmanet.propose.roles.past import accuracy
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.task import Choice, Round

# The words are the model's prompt and the record's `arm`.
ARMS: Mapping[str, Rank] = {
    "a change of the best network": Rank(8, 0.0, 1, "at_random"),
    "a change of one of the 4 best networks": Rank(8, 0.0, 4, "at_random"),
    "a change of one of the 10 best networks": Rank(8, 0.0, 10, "at_random"),
    "the largest of 8 changes of the 4 best networks": Rank(8, 0.0, 4, "largest_first"),
    "a new network at random": Rank(8, 1.0, 1, "at_random"),
    "the largest of 8 new networks": Rank(8, 1.0, 1, "largest_first"),
}


def drawn_by(arm: str, given: Round) -> list[Choice]:
    """Candidates that an arm draws, each with the arm's name."""
    return [choice._replace(arm=arm) for choice in ARMS[arm].candidates_of(given)]


def brought(given: Round) -> dict[str, list[float]]:
    """Arm -> for each network that it brought, the share of those trained before it that are less
    accurate.
    """
    shares: defaultdict[str, list[float]] = defaultdict(list)
    before: list[float] = []
    ranked = (place.trial for place in given.past.ranked())
    for trial in sorted(ranked, key=lambda each: each.number):
        reached, arm = accuracy(trial), trial.proposal.arm
        if arm in ARMS and arm and before:
            shares[arm].append(fmean(reached > other for other in before))
        before.append(reached)
    return {arm: shares[arm] for arm in ARMS}


def current_arm(given: Round, every: int) -> str | None:
    """The arm that holds: that of the first network of a block of ``every`` proposals."""
    start = given.request.number - given.request.number % every
    block = (t for t in given.request.trials if start <= t.number < given.request.number)
    return next((t.proposal.arm for t in block if t.proposal.arm in ARMS), None)


@dataclass(frozen=True)
class Bandit:
    """Chooses the arm by UCB1 (Auer et al. 2002): the control of a model that does.

    Attributes:
        every: proposals for which an arm holds.
        boldness: weight of what is not known of an arm; UCB1's is the root of 2.
        name: of the chooser, as the history has it.
    """

    every: AtLeast1 = 3
    boldness: NotNegative = 0.5
    name: str = "bandit"

    def chosen(self, given: Round, rank: Rank) -> list[Choice]:
        """Candidates of the arm; ``rank`` is not used."""
        return drawn_by(current_arm(given, self.every) or self._best(given), given)

    def _best(self, given: Round) -> str:
        shares = brought(given)
        tried = sum(map(len, shares.values()))

        def bound(arm: str) -> float:
            if not (found := shares[arm]):
                return inf
            return fmean(found) + self.boldness * sqrt(log(tried) / len(found))

        order = [
            list(ARMS)[int(i)]
            for i in np.random.default_rng(given.brief.seed).permutation(len(ARMS))
        ]
        return max(order, key=bound)
