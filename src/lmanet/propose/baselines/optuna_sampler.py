"""OptunaProposer: Optuna's samplers through ask and tell, with the history as their only memory."""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

import numpy as np
import optuna
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from lmanet.errors import ConfigError
from lmanet.propose.baselines.generations import Generations, storage_for
from lmanet.propose.baselines.redraw import Redraw
from lmanet.propose.baselines.standing import Standing, follow, require_objectives
from lmanet.run.brief import Brief, Request
from lmanet.run.growing import Growing
from lmanet.run.records import Proposal, Status, Trial
from lmanet.space import AnyArchitecture, Value

SHARED = "_search_space"  # where Optuna's samplers keep what they learned of earlier trials


class OptunaProposer:
    """Asks one of Optuna's samplers, and tells it every trial that has ended.

    Each trial has a sampler of its own, whose seed follows from the run's and the trial's number. A
    resumed run tells what the history holds, and so goes on as if it had never stopped; of a run of
    an earlier version, which kept no draws, it asks anew.

    Every trial suggests every choice, also those that the drawn number of stages leaves unused.
    Both samplers mix whole sets of choices, and draw at random what some trials lack. Choices with
    at least three numbers are suggested by rank, as order means something to TPE. All others are
    categorical.

    Args:
        name: under which proposals are recorded.
        sampler: takes ``seed``.
        feasible_draws: see `Redraw`; draws passed over are told as failed, which both samplers
            ignore.
    """

    def __init__(
        self, brief: Brief, name: str, sampler: Callable[..., BaseSampler], feasible_draws: int
    ) -> None:
        require_objectives(brief)
        self.brief = brief
        self.name = name
        self.sampler = sampler
        self._standings = follow(brief)
        self._untold: Growing[dict[int, Trial]] = Growing(dict, _add_last)
        self._redraw = Redraw(brief, feasible_draws)
        self._choices = {name: _Choice(legal) for name, legal in brief.space.choices().items()}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        directions = [
            StudyDirection.MAXIMIZE if goal.maximise else StudyDirection.MINIMIZE
            for goal in brief.objectives
        ]
        try:
            first = sampler(seed=0)
            self._storage = storage_for(first)
            self._study = optuna.create_study(
                storage=self._storage, directions=directions, sampler=first
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"Optuna's sampler refuses its settings: {error} (propose.sampler, conf/propose)"
            ) from error
        self._asked: dict[int, optuna.Trial] = {}
        self._told: set[int] = set()

    def propose(self, request: Request) -> list[Proposal]:
        self._catch_up(request.trials)
        numbers = range(request.number, request.number + request.count)
        return [self._one(number, request.trials) for number in numbers]

    def close(self) -> None:
        pass

    def _one(self, number: int, trials: Sequence[Trial]) -> Proposal:
        architecture = self._ask(number, trials)
        drawn = self._values(self._asked[number].params)
        return Proposal(proposer=self.name, architecture=architecture, drawn=drawn)

    def _catch_up(self, trials: Sequence[Trial]) -> None:
        """Tell what has ended since the last request; ask first what another process asked."""
        standings = self._standings.over(trials).of
        untold = self._untold.over(trials)
        for number, trial in list(untold.items()):
            if number in self._told or trial.architecture is None:
                del untold[number]
                continue
            if number not in self._asked and trial.proposal.drawn:
                self._take_up(number, trial.proposal.drawn)
            elif number not in self._asked:
                self._ask_again(number, trial.architecture, _before(trials, number))
            if trial.status is Status.PAUSED:
                continue  # under way to Optuna, which is told its end alone
            self._tell(self._asked.pop(number), standings.get(number))
            self._told.add(number)
            del untold[number]

    def _ask(self, number: int, trials: Sequence[Trial]) -> AnyArchitecture:
        self._study.sampler = self._sampler_of(number)
        self._asked.pop(number, None)

        def draw() -> AnyArchitecture:
            if number in self._asked:
                self._study.tell(self._asked[number], state=TrialState.FAIL)
            self._asked[number] = self._study.ask()
            return self.brief.space.unflatten(self._suggest(self._asked[number]))

        return self._redraw.first(draw, trials)

    def _sampler_of(self, number: int) -> BaseSampler:
        seeds = np.random.SeedSequence([self.brief.seed, number])
        sampler = self.sampler(seed=int(seeds.generate_state(1)[0]))
        # which choices all trials share: a new sampler would go through all of them once more
        if hasattr(sampler, SHARED) and hasattr(self._study.sampler, SHARED):
            setattr(sampler, SHARED, getattr(self._study.sampler, SHARED))
        return sampler

    def _take_up(self, number: int, drawn: Mapping[str, Value]) -> None:
        """A trial as it was drawn by another process, without drawing anything: that would take
        longer with each trial.
        """
        self._study.sampler = self._sampler_of(number)
        self._ask_for(number, self._ranks(drawn))

    def _ask_again(
        self, number: int, architecture: AnyArchitecture, before: Sequence[Trial]
    ) -> None:
        """Ask for what the history of an earlier version holds. If the sampler says something else,
        as after overlapping trials, enqueue the recorded choice instead.
        """
        if self._ask(number, before) == architecture:
            return
        said = self._asked[number]
        self._study.tell(said, state=TrialState.FAIL)
        self._ask_for(
            number, {**said.params, **self._ranks(self.brief.space.flatten(architecture))}
        )

    def _ask_for(self, number: int, ranks: Mapping[str, int]) -> None:
        self._study.enqueue_trial({**ranks})
        asked = self._study.ask()
        if isinstance(self._study.sampler, BaseGASampler):
            _ = asked.relative_params  # so it notes of which generation the trial is
        self._suggest(asked)
        self._asked[number] = asked

    def _tell(self, asked: optuna.Trial, standing: Standing | None) -> None:
        if standing is None:
            self._study.tell(asked, state=TrialState.FAIL)
            return
        for name, excess in zip(self.brief.limits, standing.excess, strict=True):
            asked.set_constraint(name, excess)
        self._study.tell(asked, standing.values)
        if isinstance(self._storage, Generations):
            self._storage.renew(self._study, asked.number)

    def _suggest(self, asked: optuna.Trial) -> dict[str, Value]:
        return self._values(
            {name: choice.suggest(asked, name) for name, choice in self._choices.items()}
        )

    def _values(self, ranks: Mapping[str, int]) -> dict[str, Value]:
        return {name: choice.legal[ranks[name]] for name, choice in self._choices.items()}

    def _ranks(self, values: Mapping[str, Value]) -> dict[str, int]:
        """As the sampler knows them."""
        return {name: self._choices[name].legal.index(value) for name, value in values.items()}


def _add_last(untold: dict[int, Trial], trial: Trial) -> None:
    untold.pop(trial.number, None)
    untold[trial.number] = trial


def _before(trials: Sequence[Trial], number: int) -> list[Trial]:
    return [*takewhile(lambda trial: trial.number != number, trials)]


class _Choice:
    """Legal values, suggested by their rank."""

    def __init__(self, legal: Sequence[Value]) -> None:
        numbers = [value for value in legal if not isinstance(value, bool | str)]
        self.ordinal = len(numbers) == len(legal) > 2
        self.legal: list[Value] = list(sorted(numbers) if self.ordinal else legal)

    def suggest(self, asked: optuna.Trial, name: str) -> int:
        ranks = range(len(self.legal))
        return (
            asked.suggest_int(name, 0, ranks[-1])
            if self.ordinal
            else int(asked.suggest_categorical(name, ranks) or 0)
        )
