"""What feedback tells of the trials, kept from one text to the next."""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lmanet.claims.check import Others
from lmanet.feedback import lines
from lmanet.run.records import Status, Trial
from lmanet.space import Form, SearchSpace


@dataclass
class Account:
    """The sums.

    Attributes:
        ended: how many trials ended how.
        paused: numbers of those that may go on.
        newest: number of a trial.
        accuracies: of the networks trained to the end.
        costs: name -> value of each of them; the names are those that the first is told by.
        failures: lines on failures, each once, in the order of their last time.
        used: choice and value of every network that was proposed.
        others: the trials, for claims that compare networks.
        ranked: eligible trials, each behind its place: the most accurate first.
    """

    space: SearchSpace
    form: Form
    ended: Counter[Status] = field(default_factory=Counter)
    paused: set[int] = field(default_factory=set)
    newest: int = -1
    accuracies: list[float] = field(default_factory=list)
    costs: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, None] = field(default_factory=dict)
    used: set[tuple[str, object]] = field(default_factory=set)
    others: Others = field(default_factory=Others)
    ranked: list[tuple[float, int, Trial]] = field(default_factory=list)
    _networks: dict[int, str] = field(default_factory=dict)

    def add(self, trial: Trial) -> None:
        """Count a trial that has ended or paused."""
        self.newest = max(self.newest, trial.number)
        self.others.add(trial)
        self.used.update(lines.tries(trial, self.space))
        if trial.status is Status.PAUSED:
            self.paused.add(trial.number)
        else:
            self.paused.discard(trial.number)
            self._add_ended(trial)

    def _add_ended(self, trial: Trial) -> None:
        self.ended[trial.status] += 1
        if not trial.eligible:
            line = lines.failure(trial)
            self.failures.pop(line, None)
            self.failures[line] = None
        elif trial.score:
            insort(self.ranked, (-trial.score.val_accuracy, trial.number, trial), key=_place)
        cost = trial.verdict.cost if trial.verdict else None
        if trial.status is Status.TRAINED and trial.score and cost:
            told = lines.told(cost)
            for name in self.costs or told:
                self.costs[name].append(told[name])
            self.accuracies.append(trial.score.val_accuracy)

    @property
    def statuses(self) -> Counter[Status]:
        """How many trials ended how, or are paused."""
        return self.ended + Counter({Status.PAUSED: len(self.paused)})

    def recent_failures(self, most: int) -> tuple[str, ...]:
        """The newest first."""
        return tuple(islice(reversed(self.failures), most))

    def beside(self, front: Sequence[Trial], most: int) -> Iterator[Trial]:
        """The most accurate of those that are not on the front, for comparison."""
        numbers = {trial.number for trial in front}
        return islice((trial for *_, trial in self.ranked if trial.number not in numbers), most)

    def network(self, trial: Trial) -> str:
        """The line on a trained network, written once."""
        if trial.number not in self._networks:
            self._networks[trial.number] = lines.network(trial, self.space, self.form)
        return self._networks[trial.number]


def _place(entry: tuple[float, int, Trial]) -> tuple[float, int]:
    return entry[:2]
