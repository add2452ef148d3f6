"""The loop: propose -> validate -> promote -> train -> pareto -> feedback -> propose, until the
budget is spent.
"""

import math
import shutil
import time
from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from platform import python_version
from typing import NamedTuple

from lmanet.errors import ConfigError, EndpointError, SearchError
from lmanet.run.brief import Budget, Request
from lmanet.run.history import History
from lmanet.run.notices import nothing_trained
from lmanet.run.records import Front, Job, Outcome, Proposal, Status, Trial, Verdict
from lmanet.run.tally import Tally
from lmanet.space import architecture_id
from lmanet.steps import Executor, Feedback, Listener, Pareto, Promotion, Proposer, Validator

VERSIONS = {
    "python": python_version(),
    **{name: version(name) for name in ("lmanet", "torch", "lightning")},
}


class Steps(NamedTuple):
    """The steps of the loop, chosen in ``conf/``."""

    proposer: Proposer
    validator: Validator
    promotion: Promotion
    executor: Executor
    pareto: Pareto
    feedback: Feedback
    listeners: Sequence[Listener] = ()


class Candidate(NamedTuple):
    """A proposal on its way to becoming a trial.

    Attributes:
        began: seconds on the clock of the search when the proposal was asked for.
        epochs: where its training stops; None is at the end of the recipe.
        inherited_from, inherited_epochs: as in `Trial`.
    """

    number: int
    proposal: Proposal
    verdict: Verdict | None
    started_at: str
    began: float
    unseen_trials: int
    zero_cost: Mapping[str, float] | None = None
    epochs: int | None = None
    inherited_from: int | None = None
    inherited_epochs: int = 0


class Search:
    """One search. What its history holds already counts: a run that was stopped goes on where it
    stood.

    Args:
        batch: proposals asked for in one call; a batch may exceed the executor's capacity, and then
            waits there.
    """

    def __init__(
        self, steps: Steps, history: History, budget: Budget, seed: int, batch: int = 1
    ) -> None:
        if batch < 1:
            raise ConfigError(
                f"batch={batch}: at least 1 proposal is asked for in a call (conf/config.yaml)"
            )
        self.steps = steps
        self.history = history
        self.budget = budget
        self.seed = seed
        self.batch = batch
        self.front = steps.pareto.front(history.trials)
        self._tally = Tally(budget, history.trials)
        self._training: dict[int, Candidate] = {}
        self._training_ids: dict[int, str] = {}
        self._out_of_tokens = False
        self._start = time.monotonic() - max(
            (trial.elapsed_seconds for trial in history.trials), default=0.0
        )

    def run(self) -> None:
        """Search until the budget is spent.

        Raises:
            EndpointError: the model cannot be asked any more; what was being trained is finished
                and recorded first.
            SearchError: the budget is spent, and no candidate was trained to the end.
        """
        self.history.drop_checkpoints()
        self._keep_parents()
        self._tell("on_search_start", self.history.trials, self.budget)
        with ExitStack() as ending:  # in reverse order, each also where another raises
            ending.callback(lambda: self._tell("on_search_end", self.history.trials, self.front))
            ending.callback(self._write_front)
            ending.callback(self.steps.executor.close)
            ending.callback(self.steps.proposer.close)
            self._search()
        if sentence := nothing_trained(self.history.trials):
            raise SearchError(sentence)

    def _search(self) -> None:
        if self.front:
            self._tell_front()
        try:
            while (started := self._start_another()) or self._training:
                self._collect(wait=not started)
        except EndpointError:
            while self._training:
                self._collect(wait=True)
            raise

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be started, so that no model is asked any more."""
        return self._spent() or not (
            self.steps.promotion.next(self.history.now(), ()) or self._proposals_left() > 0
        )

    def _start_another(self) -> bool:
        """Whether room and budget allowed for a training or a call of the proposer; a paused
        candidate comes before a new one.
        """
        if len(self._training) >= self.steps.executor.capacity or self._spent():
            return False
        if promoted := self.steps.promotion.next(self.history.now(), self._training):
            self._submit(_again(self.history.trial(promoted.number), promoted.epochs))
        elif self._proposals_left() > 0:
            self._ask()
        else:
            return False
        return True

    def _ask(self) -> None:
        """Propose and validate; hand to the executor what may be trained, record the rest."""
        trials, front = self.history.now(), tuple(self.front)
        request = Request(
            number=self.history.free_number(self._training),
            count=min(self.batch, self._proposals_left()),
            trials=trials,
            front=front,
            compose=partial(self.steps.feedback.compose, trials, front),
            training=tuple(sorted(set(self._training_ids.values()))),
            tokens_left=None if self.budget.tokens is None else self.budget.tokens - self._tokens(),
        )
        begun = datetime.now(UTC).isoformat(timespec="milliseconds"), self._elapsed_seconds()
        unseen = len(self._training)
        proposals = self.steps.proposer.propose(request)
        self._out_of_tokens = not proposals
        for place, proposal in enumerate(proposals):
            number = self.history.free_number(self._training)
            verdict = self._judge(proposal)
            candidate = Candidate(
                number,
                proposal,
                verdict,
                *begun,
                unseen + place,
                epochs=self.steps.promotion.first,
            )
            if verdict is None:
                self._record(
                    candidate,
                    Outcome(number=number, status=Status.UNPARSABLE, error=proposal.error),
                )
            elif not verdict.accepted:
                self._record(candidate, _refused(number, verdict))
            elif parent := self.history.parent(proposal.parent):
                epochs = parent.inherited_epochs + parent.epochs
                self._submit(
                    candidate._replace(inherited_from=parent.number, inherited_epochs=epochs)
                )
            else:
                self._submit(candidate)

    def _judge(self, proposal: Proposal) -> Verdict | None:
        if proposal.architecture is None:
            return None
        known = ChainMap(dict.fromkeys(self._training_ids.values()), self.history.ids)
        return self.steps.validator.validate(proposal.architecture, known)

    def _submit(self, candidate: Candidate) -> None:
        assert candidate.proposal.architecture is not None
        self._training[candidate.number] = candidate
        self._training_ids[candidate.number] = architecture_id(candidate.proposal.architecture)
        self.steps.executor.submit(
            Job(
                number=candidate.number,
                architecture=candidate.proposal.architecture,
                seed=self._trial_seed(candidate.number),
                epochs=candidate.epochs,
                folder=None
                if self.steps.promotion.first is None
                else self.history.checkpoint(candidate.number),
                parent=self.history.weights(candidate.inherited_from),
                weights=self.history.weights(candidate.number),
            )
        )

    def _collect(self, wait: bool) -> None:
        for outcome in self.steps.executor.collect(wait):
            del self._training_ids[outcome.number]
            self._record(self._training.pop(outcome.number), outcome)

    def _record(self, candidate: Candidate, outcome: Outcome) -> None:
        elapsed = self._elapsed_seconds()
        trial = Trial(
            number=candidate.number,
            status=outcome.status,
            proposal=candidate.proposal,
            verdict=candidate.verdict,
            score=outcome.score,
            zero_cost=outcome.zero_cost or candidate.zero_cost,
            error=outcome.error,
            seed=self._trial_seed(candidate.number),
            started_at=candidate.started_at,
            seconds=elapsed - candidate.began,
            elapsed_seconds=elapsed,
            unseen_trials=candidate.unseen_trials,
            inherited_from=candidate.inherited_from,
            inherited_epochs=candidate.inherited_epochs,
            versions=VERSIONS,
        )
        self.history.append(trial)
        self._tally.add(trial)
        self.history.run.say(outcome.score.notices if outcome.score else ())
        if trial.status is not Status.PAUSED:
            shutil.rmtree(self.history.checkpoint(trial.number), ignore_errors=True)
        self._tell("on_trial_end", trial)
        front = self.steps.pareto.front([*self.front, trial])
        if [t.number for t in front] != [t.number for t in self.front]:
            self.front = front
            self._write_front()
            self._tell_front()
        self._keep_parents()

    def _keep_parents(self) -> None:
        """Those that edits may yet inherit from: the front, and what is being trained with its
        parents.
        """
        parents = (candidate.inherited_from for candidate in self._training.values())
        self.history.keep_weights(
            {trial.number for trial in self.front} | self._training.keys() | set(parents)
        )

    def _tell_front(self) -> None:
        self._tell("on_front_change", self.front, self.steps.pareto.hypervolume(self.front))

    def _write_front(self) -> None:
        hypervolume = self.steps.pareto.hypervolume(self.front)
        self.history.write_front(Front(hypervolume=hypervolume, trials=tuple(self.front)))

    def _spent(self) -> bool:
        """Whether another training would exceed the budget, if all that is
        being trained succeeds.
        """
        budget = self.budget
        return (
            self._trained_left() <= 0
            or (budget.seconds is not None and self._elapsed_seconds() >= budget.seconds)
            or (
                budget.training_seconds is not None
                and self._tally.training_seconds >= budget.training_seconds
            )
            or (budget.epochs is not None and self._tally.epochs >= budget.epochs)
        )

    def _elapsed_seconds(self) -> float:
        """Of the search, without the pauses between starts; the clock on the wall may be set
        meanwhile.
        """
        return time.monotonic() - self._start

    def _trained_left(self) -> float:
        """Networks that may still be trained to the end."""
        if self.budget.trained is None:
            return math.inf
        ending = sum(candidate.epochs is None for candidate in self._training.values())
        return self.budget.trained - ending - self._tally.statuses[Status.TRAINED]

    def _proposals_left(self) -> int:
        """Proposals that the budget still allows."""
        if self._out_of_tokens or (
            self.budget.tokens is not None and self._tokens() >= self.budget.tokens
        ):
            return 0
        left = self.budget.proposals - self._tally.statuses.total() - len(self._new())
        return int(min(left, self._trained_left()))

    def _new(self) -> list[Candidate]:
        """Candidates in training that the history does not hold yet."""
        return [
            candidate
            for number, candidate in self._training.items()
            if self.history.trial(number) is None
        ]

    def _tokens(self) -> int:
        """Spent so far."""
        new = sum(candidate.proposal.usage.tokens for candidate in self._new())
        return self._tally.tokens + new

    def _trial_seed(self, number: int) -> int:
        return self.seed * 1_000_003 % 2**31 + number

    def _tell(self, event: str, *details: object) -> None:
        for listener in self.steps.listeners:
            getattr(listener, event)(*details)


def _refused(number: int, verdict: Verdict) -> Outcome:
    """Of a candidate that is not trained: rules refuse it, or no board gave a figure of it."""
    return Outcome(number=number, status=verdict.ended or Status.REJECTED, error=verdict.error)


def _again(trial: Trial | None, epochs: int | None) -> Candidate:
    """A paused trial that goes on."""
    assert trial is not None
    descent = trial.inherited_from, trial.inherited_epochs
    return Candidate(
        trial.number,
        trial.proposal,
        trial.verdict,
        trial.started_at,
        trial.elapsed_seconds - trial.seconds,
        trial.unseen_trials,
        trial.zero_cost,
        epochs,
        *descent,
    )
