"""What is counted over the trials that have ended, carried on as trials come."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from lmanet.run.records import Status, Trial

S = TypeVar("S")


class Growing(Generic[S]):
    """A value over all trials that have ended, in the order of their ends; a new trial is added.

    Trials that have ended stay as they are, in their order. Where the trials at hand do not go on
    from those of the last call, as in another run, the value is made anew.

    Args:
        start: makes the value of no trial.
        add: adds a trial to it.
    """

    def __init__(self, start: Callable[[], S], add: Callable[[S, Trial], None]) -> None:
        self._start = start
        self._add = add
        self._counted: list[Trial] = []
        self._value = start()

    def over(self, trials: Sequence[Trial]) -> S:
        """The value over those of the trials that have ended; paused ones do not count."""
        ended = [trial for trial in trials if trial.status is not Status.PAUSED]
        if ended[: len(self._counted)] != self._counted:  # the same objects are equal at once
            self._counted, self._value = [], self._start()
        for trial in ended[len(self._counted) :]:
            self._add(self._value, trial)
        self._counted = ended
        return self._value
