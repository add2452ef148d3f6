"""SamplerProposer: the candidates of the role ``rank``, chosen without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lmanet.base import AtLeast1
from lmanet.errors import ArchitectureError, ConfigError
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.niches import niche
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.task import Choice, Round
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal


class Chooser(Protocol):
    """Something that chooses among candidates, in a model's place."""

    @property
    def name(self) -> str:
        """Under which proposals are recorded."""

    def chosen(self, given: Round, rank: Rank) -> list[Choice]:
        """Candidates, the first ones to be proposed."""


@dataclass(frozen=True)
class First:
    """Takes the candidates as they are listed."""

    name: str = "sampler"

    def chosen(self, given: Round, rank: Rank) -> list[Choice]:
        return rank.candidates_of(given)


class SamplerProposer:
    """Proposes candidates of `Rank` without a model. It shows what a model adds to them.

    The run's seed and the history decide the draws.

    Args:
        niches: see `Strategy`.
        start: networks that are proposed before any that is drawn, as a model writes them.
        chooser: takes the first that `Rank` lists where there is none.

    Raises:
        ConfigError: one of them is none of the space.
    """

    def __init__(
        self,
        brief: Brief,
        rank: Rank,
        niches: AtLeast1,
        start: Sequence[Mapping[str, Any]] = (),
        chooser: Chooser | None = None,
    ) -> None:
        self.brief = brief
        self.chooser: Chooser = chooser or First()
        self.rank = rank
        self.niches = niches
        self._past = follow(brief.space)
        try:
            self.start = [brief.space.parse(dict(each)) for each in start]
        except ArchitectureError as error:
            raise ConfigError(f"{error}; correct propose.start, or the space's choices") from error

    def propose(self, request: Request) -> list[Proposal]:
        if first := self.start[request.number : request.number + request.count]:
            return [Proposal(proposer="start", architecture=each) for each in first]
        rng = np.random.default_rng([self.brief.seed, request.number])
        band = niche(self.brief, self.niches, request.number)
        past = self._past.over(request.trials)
        given = Round(self.brief, request, request.count, tried(request, past), band, rng, past)
        where = str(band) if band else None
        chosen = self.chooser.chosen(given, self.rank)[: request.count]
        if not chosen:
            return [
                Proposal(
                    proposer=self.chooser.name,
                    error="no legal, untried network was found near the good ones or by drawing",
                )
            ]
        return [
            Proposal(proposer=self.chooser.name, niche=where, **choice._asdict())
            for choice in chosen
        ]

    def close(self) -> None:
        pass
