"""Report: a run's folder -> ``report.md`` with plots beside it."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmanet.explain import tables
from lmanet.explain.contents import RunFiles, read_run
from lmanet.records import Trial
from lmanet.space import Runtime, architecture_id, estimate, operators
from lmanet.steps import Pareto

KIB = 1024
STAGE_WORDS = {"search": "mini-training", "full": "full training", "distill": "distillation"}


class Board(Protocol):
    """What the report says of a target."""

    @property
    def name(self) -> str:
        """Of its file in conf/target."""

    @property
    def board(self) -> str:
        """In words."""

    @property
    def runtime(self) -> Runtime:
        """Whose memory is counted."""

    @property
    def limits(self) -> Mapping[str, int]:
        """Quantity of `Cost` -> the most that a network may take."""


class Report:
    """Writes what a run has found, for people; it can be run again at any time.

    Args:
        pareto: of the run, for the hypervolume over time.
        target: of the run.
        num_classes: of the run's images.
    """

    def __init__(self, pareto: Pareto, target: Board, num_classes: int) -> None:
        self.pareto = pareto
        self.target = target
        self.num_classes = num_classes

    def run(self, folder: Path) -> None:
        """Read the files of ``folder`` and write ``report.md`` and ``plots/`` into it."""
        run = read_run(folder)
        plots = self._draw(run, folder / "plots")
        partial = folder / "report.md.partial"
        partial.write_text(self._render(run, plots), encoding="utf-8")
        partial.replace(folder / "report.md")

    def _render(self, run: RunFiles, plots: set[str]) -> str:
        environment = Environment(
            loader=PackageLoader("lmanet.explain"), autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters |= {"cell": _cell, "kib": _kib, "percent": _percent, "millions": _millions}
        return environment.get_template("report.md").render(
            run=run,
            plots=plots,
            target=self.target,
            stage_words=STAGE_WORDS,
            identity=architecture_id,
            results=tables.result_rows(run),
            reasons=tables.reasons(run.trials),
            usage=tables.usage_by_status(run.trials),
            proposers=tables.proposers(run.trials),
            versions=tables.versions(run.trials),
            command=shlex.join(["python", "run.py", *run.overrides]),
            **self._best(run),
        )

    def _best(self, run: RunFiles) -> dict[str, Any]:
        """What the template says of the best network."""
        best = run.best
        if best is None or best.architecture is None:
            return {"best": None}
        cost = estimate(best.architecture, self.num_classes, self.target.runtime)
        return {
            "best": best,
            "best_id": architecture_id(best.architecture),
            "best_stage": "search" if isinstance(best, Trial) else best.stage,
            "cost": cost,
            "limits": tables.limit_rows(cost, self.target.limits),
            "parts": tables.part_rows(best.architecture, self.num_classes, self.target.runtime),
        }

    def _draw(self, run: RunFiles, folder: Path) -> set[str]:
        """Write the plots for which there is something to show; gives their names."""
        from lmanet.explain import plots  # matplotlib takes a second to import

        limits = self.target.limits
        architecture = run.best.architecture if run.best else None
        drawings: dict[str, Callable[[], Any]] = {}
        if run.trials:
            drawings["proposals"] = lambda: plots.proposals_plot(run.trials, limits)
            drawings["statuses"] = lambda: plots.statuses_plot(run.trials)
        if run.front.trials:
            drawings["front"] = lambda: plots.front_plot(run.trials, run.front.trials, limits)
            drawings["progress"] = lambda: plots.progress_plot(run.trials, self.pareto)
        if any(row.epochs for row in tables.result_rows(run)):
            drawings["curves"] = lambda: plots.curves_plot(run)
        if architecture:
            graph = operators(architecture, self.num_classes)
            drawings["network"] = lambda: plots.network_plot(graph, self.target.runtime, limits)
        folder.mkdir(exist_ok=True)
        for name, draw in drawings.items():
            plots.save(draw(), folder / f"{name}.png")
        return set(drawings)


def _cell(text: object) -> str:
    """Text from anywhere, a model's too, as the content of one table cell: no markup, at most 200 characters."""
    line = " ".join(str(text).split())
    for mark in "\\`*_|<>[]":
        line = line.replace(mark, f"\\{mark}")
    return line if len(line) <= 200 else line[:199] + "…"


def _kib(count: int) -> str:
    return f"{count / KIB:,.1f}"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _millions(count: int) -> str:
    return f"{count / 1e6:,.2f}"
