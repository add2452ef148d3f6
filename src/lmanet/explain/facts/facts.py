"""What a report tells of a run: each fact is computed once, when it is first asked for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lmanet.claims.check import CheckedClaim, Others, check_claims
from lmanet.claims.rates import Rate, rates, unreadable
from lmanet.claims.rules import WeighedRule, weigh_all
from lmanet.explain.facts import measured, rows
from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.importance import Importance, importances
from lmanet.explain.facts.ledger import LedgerRow, answers_to_stalls, by_role, by_status
from lmanet.explain.facts.opening import Opening, opening
from lmanet.explain.facts.progress import Step, progress
from lmanet.run.notices import nothing_trained, one_arm, unclear_front
from lmanet.run.records import Status, Trial
from lmanet.space import staged

EMULATED = (
    "The board in the loop was an emulator: measured_latency_ms is of its time, and of no board's."
)


@dataclass(frozen=True)
class Facts:
    """What tables, figures, cards and text share.

    Attributes:
        run: the records that all of it follows from.
    """

    run: RunFiles
    setting: Setting

    @cached_property
    def best(self) -> BestNetwork | None:
        """The best network; None where none was trained."""
        found = self.run.best
        if found is None or found.architecture is None:
            return None
        return BestNetwork(staged(found.architecture), self.run, self.setting)

    @cached_property
    def trained(self) -> list[Trial]:
        """Networks trained in the search: the front first, then the others by number of trial."""
        on_front = {trial.number for trial in self.run.front.trials}
        others = [
            trial
            for trial in self.run.trials
            if trial.status is Status.TRAINED and trial.number not in on_front
        ]
        return [*self.run.front.trials, *others]

    @cached_property
    def steps(self) -> list[Step]:
        """How hypervolume and best accuracy grew; none where no network kept the limits."""
        if not any(trial.eligible for trial in self.run.trials):
            return []
        return progress(self.run.trials, self.setting.pareto)

    @cached_property
    def importances(self) -> list[Importance]:
        """Choices of the space that the accuracy depends on."""
        return importances(self.run.trials, self.setting.space)

    @cached_property
    def claims(self) -> Mapping[int, list[CheckedClaim]]:
        """Number of a trial that was trained, or of the best network's -> its claims, checked."""
        origin = self.best.origin if self.best else None
        asked = {trial.number: trial for trial in (*self.trained, *([origin] if origin else []))}
        others = Others(self.run.trials)
        return {number: check_claims(trial, others) for number, trial in asked.items()}

    @cached_property
    def rates(self) -> list[Rate]:
        """How often what a model says of its networks is true."""
        return rates(self.run.trials)

    @cached_property
    def unreadable(self) -> Counter[str]:
        """Model -> its claims that could not be read."""
        return unreadable(self.run.trials)

    @cached_property
    def rules(self) -> list[WeighedRule]:
        """Design rules that the model stated, each with the trials for and against it."""
        stated = self.run.rules.rules if self.run.rules else ()
        return weigh_all(stated, self.run.trials, self.setting.space)

    @cached_property
    def reasons(self) -> list[rows.Reason]:
        """Why candidates were rejected, or failed."""
        return rows.reasons(self.run.trials)

    @cached_property
    def proposers(self) -> Counter[str]:
        """Who proposed -> how many."""
        return rows.proposers(self.run.trials)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Package -> version, as the trials record them."""
        return rows.versions(self.run.trials)

    @cached_property
    def ledger(self) -> list[LedgerRow]:
        """What proposals cost, by how their trials ended."""
        return by_status(self.run.trials)

    @cached_property
    def roles(self) -> list[LedgerRow]:
        """The same by role of the model."""
        return by_role(self.run.trials)

    @cached_property
    def stalls(self) -> list[Trial]:
        """The first proposal of each answer to a front that did not change."""
        return answers_to_stalls(self.run.trials)

    @cached_property
    def results(self) -> list[rows.ResultRow]:
        """Trained networks as the stages left them."""
        return rows.result_rows(self.run)

    @cached_property
    def compared(self) -> list[measured.FrontRow]:
        """The front: formulas beside measurements."""
        options = self.setting.target.platform.c_options
        return measured.front_rows(self.run, self.setting.num_classes, options)

    @property
    def agreement(self) -> str:
        """Whether formulas and runtimes agree, in a sentence."""
        return measured.agreement(self.compared)

    @cached_property
    def deployed(self) -> list[measured.DeployedNetwork]:
        """Networks in int8, in the order of their deployment."""
        options = self.setting.target.platform.c_options
        return measured.deployed_networks(self.run, self.setting.num_classes, options)

    @cached_property
    def doubts(self) -> list[str]:
        """What was off while the run went on, and what its records say by now."""
        run, counted = self.run, self.run.examination.images if self.run.examination else None
        said = [*run.notices, *one_arm(run.trials), *unclear_front(run.front.trials, counted)]
        untrained = nothing_trained(run.trials) if run.trials else None
        found = [untrained] if untrained else []
        if any(trial.verdict and trial.verdict.board_is_emulated for trial in run.trials):
            found.append(EMULATED)
        return [*(notice.text for notice in said), *found]

    @cached_property
    def opening(self) -> Opening:
        """What a newcomer asks first."""
        return opening(self.run, self.setting)
