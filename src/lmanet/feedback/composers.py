"""What a proposer hears of the trials: a summary, the best network alone, or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import get_args

from lmanet.base import AtLeast0
from lmanet.errors import ConfigError
from lmanet.feedback import lines
from lmanet.feedback.account import Account
from lmanet.feedback.hints import RECENT, hint
from lmanet.feedback.sections import Section, fit
from lmanet.run.growing import Growing
from lmanet.run.records import Trial
from lmanet.space import Form, SearchSpace

MIN_TOKENS = 100


@dataclass(frozen=True)
class ParetoFeedback:
    """Counts, best network, front, other accurate networks, recent failures, false claims, values
    not tried yet, and a hint.

    Attributes:
        max_tokens: the longest text, by `lmanet.tokens.count_tokens`, which never counts too few.
        recent_failures: the most failures that are told, the newest first.
        runners_up: networks beside the front that are told, the most accurate first.
        wrong_claims: the most false claims of its own that a model is told, the newest first.
        form: how a network is written, ``lines`` or ``json``.
        curve: tell how the best accuracy has grown with the number of trained networks.
    """

    space: SearchSpace
    max_tokens: int
    recent_failures: AtLeast0
    runners_up: AtLeast0 = 0
    wrong_claims: AtLeast0 = 0
    form: Form = "lines"
    curve: bool = False

    def __post_init__(self) -> None:
        _check(self.max_tokens, self.form)

    @cached_property
    def _account(self) -> Growing[Account]:
        return Growing(partial(Account, self.space, self.form), Account.add)

    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        if not trials:
            return ""
        known = self._account.over(trials)
        curve = lines.curve(known.accuracies) if self.curve else ""
        averages = lines.averages(known.accuracies, known.costs)
        summary = [lines.counts(known.statuses), curve, averages]
        networks = [known.network(trial) for trial in front]
        beside = [known.network(trial) for trial in known.beside(front, self.runners_up)]
        wrong = islice(lines.wrong_claims(trials, known.others), self.wrong_claims)
        failures = known.recent_failures(self.recent_failures)
        recent = list(islice(reversed(trials), RECENT))
        sections = (
            Section("Results so far:", tuple(filter(None, summary)), rank=1),
            Section("Best network so far:", tuple(networks[:1]), rank=0),
            Section("Other networks on the Pareto front:", tuple(networks[1:]), rank=3),
            Section("Other accurate networks:", tuple(beside), rank=7),
            Section("Failures, newest first:", failures, rank=4),
            Section("Your false claims, newest first:", tuple(wrong), rank=5),
            Section("Values not tried yet:", tuple(lines.untried(known.used, self.space)), rank=6),
            Section("Hint:", (hint(recent, front, known.newest),), rank=2),
        )
        return fit(sections, self.max_tokens)


class BestOnlyFeedback:
    """The most accurate network within the limits and nothing else.

    Args:
        max_tokens, form: as for `ParetoFeedback`. A network that takes more is left out, and the
            text says so.
    """

    def __init__(self, space: SearchSpace, max_tokens: int, form: Form = "lines") -> None:
        _check(max_tokens, form)
        self.space = space
        self.max_tokens = max_tokens
        self.form = form

    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        best = tuple(lines.network(trial, self.space, self.form) for trial in front[:1])
        return fit((Section("Best network so far:", best, rank=0),), self.max_tokens)


class NoFeedback:
    """Nothing: every request has the same words."""

    def __init__(self, space: SearchSpace) -> None:
        pass  # given to every option of the step

    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        return ""


def _check(max_tokens: int, form: Form) -> None:
    if form not in get_args(Form):
        raise ConfigError(f"feedback.form={form}: choose one of {', '.join(get_args(Form))}")
    if max_tokens < MIN_TOKENS:
        raise ConfigError(
            f"feedback.max_tokens={max_tokens}: at least {MIN_TOKENS} are needed; or choose "
            "feedback=none"
        )
