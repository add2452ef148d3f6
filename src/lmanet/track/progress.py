"""Progress: one live view of a run on a terminal, plain lines elsewhere, and the front as a table
when the search has ended.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from textwrap import shorten

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lmanet.command import drop_output
from lmanet.run.brief import Budget
from lmanet.run.quantities import FLASH, MACS, PARAMS, SRAM, computed
from lmanet.run.records import Status, Trial
from lmanet.run.tally import Tally
from lmanet.track.course import Course
from lmanet.track.live import LiveView

log = logging.getLogger(__name__)
MOST_CHARACTERS = 100  # of a reason in a line; the history has the whole
STYLES = {
    Status.TRAINED: "green",
    Status.PAUSED: "cyan",
    Status.REJECTED: "yellow",
    Status.UNPARSABLE: "magenta",
    Status.FAILED: "red",
    Status.TIMED_OUT: "red",
}


class _Console(Console):
    """One that goes on where who reads a pipe, such as ``head``, has seen enough."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        drop_output()


class Progress:
    """Shows where the run stands.

    Args:
        console: where to; standard output by default.
        expected_seconds: stage -> seconds on some machine, by which the time left is told; None
            tells that of a search alone.
    """

    def __init__(
        self,
        console: Console | None = None,
        expected_seconds: Mapping[str, float] | None = None,
    ) -> None:
        self.console = console or _Console()
        self.expected_seconds = dict(expected_seconds or {})
        self.course: Course | None = None
        self.tally: Tally | None = None
        self.hypervolume: float | None = None
        self.live: LiveView | None = None
        self._last = ""

    @contextmanager
    def showing(self, turns: Sequence[Sequence[str]]) -> Iterator[None]:
        """Show a run of these stages; those of a turn begin together."""
        self.course = Course(turns, self.expected_seconds)
        for each in self._plan(self.course):
            self.console.print(each, markup=False, highlight=False, soft_wrap=True)
        self._draw()
        try:
            yield
        finally:
            self._undraw()
            self.course = None

    def on_stages_start(self) -> None:
        """The next of the stages begin."""
        if self.course:
            self.course.next_turn()
        self._last = ""

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        self.tally = Tally(budget, trials)
        if self.console.is_terminal:
            self._draw()
        elif trials:
            log.info("goes on after %d trials", len(trials))

    def on_trial_end(self, trial: Trial) -> None:
        if self.tally is None:
            return
        self.tally.add(trial)
        if self.live is None:
            log.info("%s; %s", line(trial), self._standing(self.tally).plain)

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        self.hypervolume = hypervolume

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        if self.course is None:
            self._undraw()
        if self.tally is not None:
            self.console.print(_counts(self.tally))
        self.tally = None
        self.console.print(front_table(front))

    def on_run_end(self) -> None:
        pass  # the app says where everything is

    def _draw(self) -> None:
        if self.live is None and self.console.is_terminal:
            self.live = LiveView(self.console, self._view, self._hear)
            self.live.start()

    def _undraw(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _hear(self, record: logging.LogRecord) -> None:
        self._last = record.getMessage()

    def _plan(self, course: Course) -> Iterator[str]:
        if len(course.turns) > 1:
            yield "What happens, one line after the other:"
            yield from (f"  {line}" for line in course.plan())
        if course.expected:
            yield (
                f"In all about {_clock(sum(course.expected))} on two idle CPU cores; a busy or "
                "slower machine takes longer."
            )

    def _view(self) -> RenderableType:
        lines: list[RenderableType] = [self._head()] if self.course or self.tally else []
        if self.tally:
            if self.course:
                lines.append(_candidate(self.tally))
            lines += [_counts(self.tally), self._standing(self.tally)]
        elif self._last:
            lines.append(Text(self._last, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _head(self) -> RenderableType:
        """What is under way, how far, and the time."""
        grid = Table.grid(padding=(0, 2))
        tally, course = self.tally, self.course
        if course is None:
            assert tally is not None
            bar = ProgressBar(total=1.0, completed=tally.share_done, width=30)
            grid.add_row(_candidate(tally), bar, _time(tally.elapsed_seconds, tally.seconds_left))
            return grid
        share = tally.share_done if tally else None
        left = course.seconds_left(share)
        if left is None and tally:
            left = tally.seconds_left
        gone = course.elapsed_seconds
        done = (
            gone / (gone + left) if left is not None else max(course.place, 0) / len(course.turns)
        )
        bar = ProgressBar(total=1.0, completed=done, width=16)
        grid.add_row(Text(course.title, style="bold"), bar, _time(gone, left))
        return grid

    def _standing(self, tally: Tally) -> Text:
        """Best accuracy, hypervolume, tokens."""
        best = tally.best_accuracy
        parts = [
            f"best {best:.1%} on validation"
            if best is not None
            else "no network within the limits yet"
        ]
        parts.append(f"hypervolume {self.hypervolume:.3f}" if self.hypervolume is not None else "")
        limit = f" of {tally.budget.tokens:,}" if tally.budget.tokens else ""
        parts.append(f"{tally.tokens:,}{limit} tokens" if tally.tokens else "")
        return Text(" · ".join(part for part in parts if part))


def line(trial: Trial) -> str:
    """A trial in one line: number, status, and the result or the first reason."""
    text = f"candidate {trial.number} {trial.status}"
    if trial.id:
        text += f" {trial.id}"
    if trial.score:
        after = f" after epoch {trial.epochs}" if trial.status is Status.PAUSED else ""
        return (
            f"{text}, {trial.score.val_accuracy:.1%} on validation{after} in "
            f"{trial.score.seconds:.0f} s"
        )
    reason = (
        trial.verdict.violations[0].hint
        if trial.verdict and trial.verdict.violations
        else trial.error
    )
    return f"{text}: {shorten(reason, MOST_CHARACTERS, placeholder=' ...')}" if reason else text


def front_table(front: Sequence[Trial]) -> Table:
    """The front, the most accurate first."""
    table = Table(title="Pareto front", padding=(0, 0), caption=_caption(front))
    shown = [MACS, SRAM, FLASH, PARAMS, *computed()]
    for head in ("accuracy", *(each.head for each in shown), "trial"):
        table.add_column(head.replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("network", no_wrap=True)
    for trial in front:
        cost = trial.verdict.cost if trial.verdict else None
        if cost and trial.score:
            table.add_row(
                f"{trial.score.val_accuracy:.1%}",
                *(each.shown(each.of(cost)) for each in shown),
                str(trial.number),
                trial.id,
            )
    return table


def _caption(front: Sequence[Trial]) -> str:
    """What the figures are; SRAM means nothing without its runtime."""
    cost = front[0].verdict.cost if front and front[0].verdict else None
    if not cost:
        return "empty: no network within the limits was trained"
    return f"validation accuracy; {cost.origin}"


def _candidate(tally: Tally) -> Text:
    of_trained = (
        f", trained {tally.statuses[Status.TRAINED]}/{tally.budget.trained}"
        if tally.budget.trained
        else ""
    )
    return Text(
        f"proposals {tally.statuses.total()}/{tally.budget.proposals}{of_trained}", style="bold"
    )


def _time(gone: float, left: float | None) -> Text:
    ahead = f", about {_clock(left)} left" if left is not None else ""
    return Text(f"{_clock(gone)} gone{ahead}", no_wrap=True)


def _counts(tally: Tally) -> Text:
    counts = [
        Text(f"{tally.statuses[status]} {status}", style=style)
        for status, style in STYLES.items()
        if tally.statuses[status]
    ]
    counts += [Text(f"{tally.epochs:,} epochs")] if tally.epochs else []
    return Text(" · ").join(counts) if counts else Text("no candidate yet")


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
