"""The course of a run: which of its stages are done, and how long the rest may take."""

import time
from collections.abc import Callable, Mapping, Sequence

LEAST_SECONDS = 10.0  # of a run before its own pace says anything
NEARLY = 0.95  # of its time is the most that a stage is taken to be through by the clock alone


class Course:
    """Counts the stages of one run.

    Args:
        turns: stages that begin together, in their order.
        expected_seconds: that a run spends at each stage, on some machine, 0 at one that others do
            not wait for; what is left is told in proportion. Empty where nothing is known.
        clock: seconds, rising.
    """

    def __init__(
        self,
        turns: Sequence[Sequence[str]],
        expected_seconds: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.turns = turns
        self.clock = clock
        known = all(name in expected_seconds for turn in turns for name in turn)
        self.expected = (
            [max(expected_seconds[name] for name in turn) for turn in turns] if known else []
        )
        self.started = self.turn_started = clock()
        self.place = -1

    def next_turn(self) -> None:
        """The next stages begin."""
        self.place += 1
        self.turn_started = self.clock()

    @property
    def title(self) -> str:
        """What is under way."""
        if self.place < 0:
            return "start"
        of = f"{self.place + 1} of {len(self.turns)}"
        return f"{of}: {', '.join(self.turns[self.place])}"

    @property
    def elapsed_seconds(self) -> float:
        """Since this start."""
        return self.clock() - self.started

    def seconds_left(self, share: float | None = None) -> float | None:
        """Until the end of the run; None where nothing is known.

        Args:
            share: of the stage under way, 0 to 1, where it is known.
        """
        if not self.expected or self.place < 0:
            return None
        now, whole = self.expected[self.place], sum(self.expected)
        in_turn = (self.clock() - self.turn_started) / now if now else 1.0
        part = share if share is not None else min(in_turn, NEARLY)
        done = sum(self.expected[: self.place]) + part * now
        gone = self.elapsed_seconds
        pace = gone / done if gone >= LEAST_SECONDS and done > 0 else 1.0
        return max(whole - done, 0.0) * pace

    def plan(self) -> list[str]:
        """What will happen, a line a turn, with the seconds that are expected."""
        lines = [", ".join(turn) for turn in self.turns]
        if not self.expected:
            return lines
        width = max(map(len, lines))
        return [
            f"{line:<{width}}  {seconds:4.0f} s"
            for line, seconds in zip(lines, self.expected, strict=True)
        ]
