"""SamplerProposer: the candidates of the role ``rank``, chosen without a model."""

import numpy as np

from lmanet.base import AtLeast1
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.niches import niche
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.task import Round
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal


class SamplerProposer:
    """Proposes the first candidates that `Rank` lists. It shows what a model adds to them.

    The run's seed and the history decide the draws.

    Args:
        niches: see `Strategy`.
    """

    def __init__(self, brief: Brief, rank: Rank, niches: AtLeast1) -> None:
        self.brief = brief
        self.rank = rank
        self.niches = niches

    def propose(self, request: Request) -> list[Proposal]:
        rng = np.random.default_rng([self.brief.seed, request.number])
        band = niche(self.brief, self.niches, request.number)
        given = Round(self.brief, request, request.count, frozenset(tried(request)), band, rng)
        where = str(band) if band else None
        chosen = self.rank.candidates_of(given)[: request.count]
        if not chosen:
            return [
                Proposal(
                    proposer="sampler",
                    error="no legal, untried network was found near the good ones or by drawing",
                )
            ]
        return [
            Proposal(proposer="sampler", architecture=c.architecture, parent=c.parent, niche=where)
            for c in chosen
        ]

    def close(self) -> None:
        pass
