"""What shapes and history say of a run's best network: each fact is computed once."""

from dataclasses import dataclass
from functools import cached_property

from lmanet.cost import Cost
from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.neighbours import Surroundings, surroundings
from lmanet.explain.facts.operators import OperatorRow, operator_rows
from lmanet.explain.facts.rows import LimitRow, PartRow, limit_rows, part_rows
from lmanet.network import Architecture
from lmanet.run.records import Trial
from lmanet.space import architecture_id, estimate_on


@dataclass(frozen=True)
class BestNetwork:
    """The network of ``student.ckpt``; before any was trained in full, the front's first."""

    architecture: Architecture
    run: RunFiles
    setting: Setting

    @cached_property
    def id(self) -> str:
        """As in the history."""
        return architecture_id(self.architecture)

    @property
    def stage(self) -> str:
        """That trained it: ``search``, ``full`` or ``distill``."""
        found = self.run.best
        return "search" if found is None or isinstance(found, Trial) else found.stage

    @cached_property
    def origin(self) -> Trial | None:
        """The trial that proposed it, where it says why."""
        asked = (trial for trial in self.run.trials if trial.proposal.rationale)
        return next((trial for trial in asked if trial.id == self.id), None)

    @cached_property
    def cost(self) -> Cost:
        """By formula, on the run's target."""
        return estimate_on(
            self.architecture, self.setting.num_classes, self.setting.target.platform
        )

    @cached_property
    def limits(self) -> list[LimitRow]:
        """What it takes of each limit."""
        return limit_rows(self.cost, self.setting.target.limits)

    @cached_property
    def parts(self) -> list[PartRow]:
        """Stem, stages, head and classifier."""
        return part_rows(self.architecture, self.setting.num_classes, self.setting.target.platform)

    @cached_property
    def operators(self) -> list[OperatorRow]:
        """In the order in which they run."""
        return operator_rows(
            self.architecture, self.setting.num_classes, self.setting.target.platform
        )

    @cached_property
    def around(self) -> Surroundings | None:
        """All networks one change away; None where it is no network of the run's space."""
        space = self.setting.space
        if not space.contains(self.architecture):
            return None
        return surroundings(self.architecture, self.cost, self.setting, self.run.trials)
