"""What one change of a network would do: all networks one choice away, with exact cost and, where
one was trained, its accuracy.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.cost import Cost
from lmanet.explain.facts.contents import Setting
from lmanet.network import Architecture
from lmanet.run.records import Status, Trial
from lmanet.space import architecture_id, estimate_on, staged


class NeighbourRow(NamedTuple):
    """A network that differs from the given one in one choice.

    Attributes:
        change: in words: ``stage3.channels=64``.
        cost: of the neighbour.
        fits: it keeps every limit of the target.
        val_accuracy: after mini-training; None where it was not trained in this run.
    """

    change: str
    id: str
    cost: Cost
    fits: bool
    val_accuracy: float | None


class Surroundings(NamedTuple):
    """Where a network stands.

    Attributes:
        cost, val_accuracy: of the network itself, the latter after mini-training, where it had one.
        rows: its neighbours, those that were trained first, then from the fewest MACs to the most.
    """

    cost: Cost
    val_accuracy: float | None
    rows: list[NeighbourRow]


def surroundings(
    architecture: Architecture, own_cost: Cost, setting: Setting, trials: Sequence[Trial]
) -> Surroundings:
    """Every neighbour once; a change that leaves all operators as they are makes none.

    Args:
        own_cost: of ``architecture``.
    """
    known = {
        trial.id: trial.score.val_accuracy
        for trial in trials
        if trial.status is Status.TRAINED and trial.score
    }
    own = architecture_id(architecture)
    around = {
        architecture_id(other): staged(other) for other in setting.space.neighbours(architecture)
    }
    around.pop(own, None)
    rows = []
    for identity, other in around.items():
        cost = estimate_on(other, setting.num_classes, setting.target.platform)
        amounts, limits = cost.quantities(), setting.target.limits
        fits = all(amounts[name] <= limit for name, limit in limits.items())
        rows.append(
            NeighbourRow(
                setting.space.change_text(architecture, other),
                identity,
                cost,
                fits,
                known.get(identity),
            )
        )
    rows.sort(key=lambda row: (row.val_accuracy is None, row.cost.macs, row.change))
    return Surroundings(own_cost, known.get(own), rows)
