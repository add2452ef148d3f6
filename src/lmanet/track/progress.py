"""Progress: a live view of the search on a terminal, one line a trial elsewhere, and the front as a
table at the end.
"""

import logging
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lmanet.run.brief import Budget
from lmanet.run.quantities import FLASH, MACS, PARAMS, SRAM, computed
from lmanet.run.records import Status, Trial
from lmanet.run.tally import Tally

log = logging.getLogger(__name__)
STYLES = {
    Status.TRAINED: "green",
    Status.PAUSED: "cyan",
    Status.REJECTED: "yellow",
    Status.UNPARSABLE: "magenta",
    Status.FAILED: "red",
    Status.TIMED_OUT: "red",
}


class Progress:
    """Shows where the search stands.

    Args:
        console: where to; standard output by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self.tally: Tally | None = None
        self.hypervolume: float | None = None
        self.live: Live | None = None
        self._streams: dict[logging.StreamHandler[TextIO], TextIO] = {}

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        self.tally = Tally(budget, trials)
        if self.console.is_terminal:
            self.live = Live(
                get_renderable=self._view,
                console=self.console,
                refresh_per_second=2,
                transient=True,
            )
            self._start(self.live)
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
        if self.live is not None:
            self.live.stop()
            self.live = None
            for handler, stream in self._streams.items():
                handler.setStream(stream)
        if self.tally is not None:
            self.console.print(_counts(self.tally))
        self.console.print(front_table(front))

    def on_run_end(self) -> None:
        pass  # the app says where everything is

    def _start(self, live: Live) -> None:
        """Draw; from now on the log's lines for this terminal stand above the view, which they
        would tear.
        """
        handlers = [
            each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)
        ]
        self._streams = {
            each: each.stream for each in handlers if each.stream and each.stream.isatty()
        }
        live.start()
        for handler in self._streams:
            handler.setStream(sys.stderr)  # rich's by now, which prints above the view

    def _view(self) -> RenderableType:
        if self.tally is None:
            return Text()
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            _candidate(self.tally),
            ProgressBar(total=1.0, completed=self.tally.share_done, width=30),
            _time(self.tally),
        )
        return Group(grid, _counts(self.tally), self._standing(self.tally))

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
    return f"{text}: {reason}" if reason else text


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


def _time(tally: Tally) -> Text:
    left = tally.seconds_left
    ahead = f", about {_clock(left)} left" if left is not None else ""
    return Text(f"{_clock(tally.elapsed_seconds)} gone{ahead}")


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
