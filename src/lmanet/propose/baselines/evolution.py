"""Regularised evolution: the youngest of a tournament's best has children, the oldest die (Real et
al. 2019, arXiv:1802.01548).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmanet.errors import ConfigError
from lmanet.propose.baselines.redraw import Redraw
from lmanet.propose.baselines.standing import Standing, follow, require_objectives
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Trial
from lmanet.space import AnyArchitecture

SUM_WEIGHT = 0.05  # of the sum beside the largest term: Knowles 2006, ParEGO


class Member(NamedTuple):
    """One of the population."""

    architecture: AnyArchitecture
    standing: Standing


class EvolutionProposer:
    """Mutates the best of a few members of the last trials; random until there are enough of them.

    Everything follows from the history, the run's seed and the trial's number, so that a resumed
    run goes on exactly. Networks beyond a limit are members too, behind all others, the nearest to
    the limits first. Several objectives are weighted anew at random for each tournament (ParEGO's
    augmented Chebyshev distance); with one that is its plain best.

    Args:
        population: trials that are alive, the youngest.
        sample: members of a tournament.
        feasible_draws: see `Redraw`.
    """

    def __init__(self, brief: Brief, population: int, sample: int, feasible_draws: int) -> None:
        if not 1 <= sample <= population:
            raise ConfigError(
                f"propose.sample={sample} is not between 1 and propose.population={population}"
            )
        require_objectives(brief)
        self.brief = brief
        self.population = population
        self.sample = sample
        self._standings = follow(brief)
        self._redraw = Redraw(brief, feasible_draws)

    def propose(self, request: Request) -> list[Proposal]:
        alive = self._alive(request.trials)
        return [
            self._one(number, alive, request.trials)
            for number in range(request.number, request.number + request.count)
        ]

    def close(self) -> None:
        pass

    def _alive(self, trials: Sequence[Trial]) -> list[Member]:
        known = self._standings.over(trials).known
        stood = [(trial.architecture, standing) for trial, standing in known[-self.population :]]
        return [Member(architecture, standing) for architecture, standing in stood if architecture]

    def _one(self, number: int, alive: list[Member], trials: Sequence[Trial]) -> Proposal:
        rng = np.random.default_rng([self.brief.seed, number])
        if len(alive) < self.population:
            drawn = self._redraw.first(lambda: self.brief.space.sample(rng), trials)
        else:
            drawn = self._redraw.first(
                lambda: self.brief.space.mutate(self._parent(alive, rng), rng), trials
            )
        return Proposal(proposer="evolution", architecture=drawn)

    def _parent(self, alive: list[Member], rng: np.random.Generator) -> AnyArchitecture:
        distances = self._distances(alive, rng)
        entered = rng.choice(len(alive), size=self.sample, replace=False)
        best = min(map(int, entered), key=lambda i: (alive[i].standing.total_excess, distances[i]))
        return alive[best].architecture

    def _distances(self, alive: list[Member], rng: np.random.Generator) -> list[float]:
        """Of each member from the best of the population in every objective, weighted at random;
        the smaller, the better.
        """
        signs = [-1 if goal.maximise else 1 for goal in self.brief.objectives]
        values = np.array([member.standing.values for member in alive]) * signs
        spread = np.ptp(values, axis=0)
        shares = (values - values.min(axis=0)) / np.where(spread > 0, spread, 1)
        weighted = shares * rng.dirichlet(np.ones(len(signs)))
        return list(weighted.max(axis=1) + SUM_WEIGHT * weighted.sum(axis=1))
