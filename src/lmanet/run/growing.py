"""The trials of a run as they stand after a round, and what is counted over them as they come."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Generic, TypeVar, overload

from lmanet.run.records import Trial

S = TypeVar("S")


class Trials(Sequence[Trial]):
    """The trials by the first lines of a history: one a number, in the order of their last lines.

    No trial is copied or even looked at before it is asked for, the newest first: that would make
    each round slower than the one before.

    Args:
        lines: of the history, to which others are added later.
        number_of_lines: that count.
        number_of_trials: in them.
    """

    def __init__(self, lines: list[Trial], number_of_lines: int, number_of_trials: int) -> None:
        self.lines = lines
        self.number_of_lines = number_of_lines
        self._number_of_trials = number_of_trials

    def __len__(self) -> int:
        return self._number_of_trials

    def __reversed__(self) -> Iterator[Trial]:
        seen: set[int] = set()
        for place in range(self.number_of_lines - 1, -1, -1):
            trial = self.lines[place]
            if trial.number not in seen:
                seen.add(trial.number)
                yield trial

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._all)

    @overload
    def __getitem__(self, place: int) -> Trial: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Trial]: ...

    def __getitem__(self, place: int | slice) -> Trial | Sequence[Trial]:
        return self._all[place]

    @cached_property
    def _all(self) -> tuple[Trial, ...]:
        return tuple(reversed(tuple(reversed(self))))


class Growing(Generic[S]):
    """A value over the trials of a run; what is new is added to it.

    Where the trials at hand do not go on from those of the last call, as in another run, the value
    is made anew.

    Args:
        start: makes the value of no trial.
        add: adds a trial to it: a paused one perhaps several times, and then once more when it has
            ended.
    """

    def __init__(self, start: Callable[[], S], add: Callable[[S, Trial], None]) -> None:
        self._start = start
        self._add = add
        self._lines: Sequence[Trial] = ()
        self._counted = 0
        self._value = start()

    def over(self, trials: Sequence[Trial]) -> S:
        """The value over all of them."""
        lines, number = trials, len(trials)
        if isinstance(trials, Trials):
            lines, number = trials.lines, trials.number_of_lines
        if not self._goes_on(lines, number):
            self._counted, self._value = 0, self._start()
        for place in range(self._counted, number):
            self._add(self._value, lines[place])
        self._lines, self._counted = lines, number
        return self._value

    def _goes_on(self, lines: Sequence[Trial], number: int) -> bool:
        if self._counted > number:
            return False
        # Of one list, which only grows; else the same trials are equal at once.
        return lines is self._lines or all(
            lines[place] == self._lines[place] for place in range(self._counted)
        )
