"""Redraw: draws until a network is new and within the limits, which formulas tell for free."""

from collections.abc import Callable, Sequence

from lmanet.errors import ConfigError
from lmanet.propose.roles.legal import is_legal
from lmanet.run.brief import Brief
from lmanet.run.growing import Growing
from lmanet.run.records import Trial
from lmanet.space import AnyArchitecture, architecture_id


class Redraw:
    """Draws again if a network was proposed before or exceeds a limit by formula.

    Args:
        feasible_draws: further draws for one proposal, at most; 0 proposes the first.
    """

    def __init__(self, brief: Brief, feasible_draws: int) -> None:
        if feasible_draws < 0:
            raise ConfigError(
                f"propose.feasible_draws={feasible_draws} is below 0; give a number of further "
                "draws, 0 for none"
            )
        self.brief = brief
        self.feasible_draws = feasible_draws
        self._proposed: set[str] = set()
        self._known: Growing[set[str]] = Growing(set, _add_id)

    def first(
        self, draw: Callable[[], AnyArchitecture], trials: Sequence[Trial]
    ) -> AnyArchitecture:
        """The first draw that is new and feasible, else the last one."""
        if not self.feasible_draws:
            return draw()
        known = self._known.over(trials)
        for _ in range(1 + self.feasible_draws):
            drawn = draw()
            new = architecture_id(drawn) not in self._proposed
            if new and is_legal(drawn, self.brief, known):
                break
        self._proposed.add(architecture_id(drawn))  # what is being trained is in no history yet
        return drawn


def _add_id(known: set[str], trial: Trial) -> None:
    if trial.id:
        known.add(trial.id)
