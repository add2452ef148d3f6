"""Random start: the first networks of a search are drawn at random, whoever proposes after them."""

from dataclasses import dataclass

from lmanet.propose.baselines.random_replay import RandomProposer
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal
from lmanet.steps import Checked, Proposer

FEASIBLE_DRAWS = 30  # a start that exceeds the limits would teach nobody anything


@dataclass(frozen=True)
class RandomStart:
    """Draws the first networks, and hands over. Two searches with the same seed begin with the same
    networks, so what differs between them is what was proposed.

    Attributes:
        draws: what proposes them.
        proposer: has its turn after them.
        networks: that are drawn.
    """

    draws: RandomProposer
    proposer: Proposer
    networks: int

    def require(self) -> None:
        if isinstance(self.proposer, Checked):
            self.proposer.require()

    def propose(self, request: Request) -> list[Proposal]:
        left = self.networks - request.number
        if left <= 0:
            return self.proposer.propose(request)
        return self.draws.propose(request.model_copy(update={"count": min(left, request.count)}))

    def close(self) -> None:
        self.proposer.close()


def begun_at_random(proposer: Proposer, brief: Brief, networks: int) -> Proposer:
    """The proposer, after so many networks that are drawn at random within the limits."""
    if not networks:
        return proposer
    return RandomStart(RandomProposer(brief, FEASIBLE_DRAWS), proposer, networks)
