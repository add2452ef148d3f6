"""SamplerProposer: the candidates of the role ``rank`` without a model, to see what a model adds to them."""

import numpy as np

from lmanet.brief import Brief
from lmanet.errors import ConfigError
from lmanet.propose.candidates import draw_candidates
from lmanet.propose.figures import macs_of
from lmanet.propose.legal import tried
from lmanet.propose.niches import niche
from lmanet.propose.task import Choice, Round
from lmanet.records import Proposal, Request

PICKS = ("at_random", "largest")


class SamplerProposer:
    """Proposes one of a few legal, untried candidates; the run's seed and the history decide.

    Args:
        candidates, explore, parents: see `Rank`.
        niches: see `Strategy`.
        pick: ``at_random``, or the ``largest`` by multiply-accumulates.
    """

    def __init__(self, brief: Brief, candidates: int, explore: float, parents: int, niches: int, pick: str) -> None:
        if pick not in PICKS:
            raise ConfigError(f"propose.pick={pick}: choose one of {', '.join(PICKS)}")
        self.brief = brief
        self.draws = (candidates, explore, parents)
        self.niches = niches
        self.pick = pick

    def propose(self, request: Request) -> list[Proposal]:
        rng = np.random.default_rng([self.brief.seed, request.number])
        band = niche(self.brief, self.niches, request.number)
        given = Round(self.brief, request, request.count, frozenset(tried(request)), band, "lines", rng)
        drawn = draw_candidates(given, *self.draws)
        if not drawn:
            return [Proposal(proposer="sampler", error="no legal, untried network was found near the good ones or by drawing")]
        listed = [drawn[int(i)] for i in rng.permutation(len(drawn))]
        if self.pick == "largest":
            listed.sort(key=lambda choice: -macs_of(choice.architecture, self.brief))
        return [self._proposal(choice, band) for choice in listed[: request.count]]

    def close(self) -> None:
        pass

    def _proposal(self, choice: Choice, band: object) -> Proposal:
        where = None if band is None else str(band)
        return Proposal(proposer="sampler", architecture=choice.architecture, parent=choice.parent, niche=where)
