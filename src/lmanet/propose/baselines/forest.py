"""Forest: orders candidates as a random forest foretells them from the networks trained so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmanet.base import AtLeast1
from lmanet.propose.roles.past import accuracy
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.task import Choice, Round
from lmanet.run.brief import Brief
from lmanet.space import AnyArchitecture, estimate_on

FEWEST = 4  # trained networks, without which the given order holds
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """The control of every way in which a language model ranks: it has the same candidates and
    sees the same trained networks.

    Attributes:
        trees: of the forest.
        name: of the chooser, as the history has it.
    """

    trees: AtLeast1 = 100
    name: str = "forest"

    def chosen(self, given: Round, rank: Rank) -> list[Choice]:
        """The candidates, the most accurate as foretold first; of equals the earlier."""
        choices = rank.candidates_of(given)
        pairs = zip(choices, self.scores(given, choices), strict=True)
        return [choice for choice, _ in sorted(pairs, key=lambda pair: -pair[1])]

    def scores(self, given: Round, choices: Sequence[Choice]) -> list[float]:
        """Of each, the accuracy that is foretold; all 0 before enough networks are trained."""
        trials = [place.trial for place in given.past.ranked() if place.trial.architecture]
        if len(trials) < FEWEST:
            return [0.0] * len(choices)
        # takes a second to import: only its own proposer pays
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(self.trees, random_state=int(given.rng.integers(2**31)))
        trained = sorted(trials, key=lambda trial: trial.number)
        networks = [trial.architecture for trial in trained if trial.architecture]
        forest.fit(features(given.brief, networks), [accuracy(trial) for trial in trained])
        foretold = forest.predict(features(given.brief, [each.architecture for each in choices]))
        return [float(each) for each in foretold]


def features(brief: Brief, networks: Sequence[AnyArchitecture]) -> Floats:
    """One row a network: every choice as a number or, where it is a word, as one of several; then
    the logarithms of multiply-accumulates and parameters.
    """
    legal = brief.space.choices()
    rows = []
    for network in networks:
        row: list[float] = []
        values = brief.space.flatten(network)
        for name, allowed in legal.items():
            if any(isinstance(each, str) for each in allowed):
                row += [float(values.get(name) == each) for each in allowed]
            else:
                row.append(float(values.get(name) or 0))
        cost = estimate_on(network, brief.num_classes, brief.platform).quantities()
        row += [float(np.log1p(cost[name])) for name in ("macs", "params") if name in cost]
        rows.append(row)
    return np.array(rows)
