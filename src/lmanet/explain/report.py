"""Report: a run's folder -> ``report.html``, and ``report.md`` with plots beside it."""

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmanet.base import require_packages
from lmanet.command import command
from lmanet.cost.memory import memory
from lmanet.explain.assemble import Assembled, assemble
from lmanet.explain.cards import make_cards, network_file
from lmanet.explain.facts.contents import Board, RunFiles, Setting, read_run
from lmanet.explain.facts.filters import FILTERS
from lmanet.explain.tables.table import to_markdown
from lmanet.files import write_text
from lmanet.network.graph import operators
from lmanet.run.folder import PLOTS, REPORT_HTML, REPORT_MD, RunFolder
from lmanet.run.records import Status
from lmanet.space import AnySpace, staged
from lmanet.steps import Pareto

TITLE = "Report of a run"
BLANK_LINES = re.compile(r"\n{3,}")
MOST_ROWS = 40  # of a table in report.md, which is read in a terminal


class Report:
    """Writes what a run has found, for people; it can be run again at any time.

    Args:
        pareto: of the run, for the hypervolume over time.
        target: of the run.
        num_classes: of the run's images.
        space: of the run, for what the accuracy depends on.
    """

    def __init__(self, pareto: Pareto, target: Board, num_classes: int, space: AnySpace) -> None:
        self.setting = Setting(pareto, target, num_classes, space)

    def require(self) -> None:
        """Say which library of the plots or the page is missing."""
        require_packages("the stage report", "", "matplotlib", "plotly", "markdown_it")

    def run(self, folder: RunFolder) -> None:
        """Read the files of ``folder`` and write ``report.html``, ``report.md``, ``plots/`` and
        ``networks/`` into it.

        Raises:
            ConfigError: the search was of cells, whose operators are not known here.
        """
        run = read_run(folder)
        for trial in run.trials:
            if trial.architecture:
                staged(trial.architecture)
        self._write_networks(run, folder)
        assembled = assemble(run, self.setting)
        plots = self._draw(run, assembled, folder.path / PLOTS)
        write_text(folder.path / REPORT_MD, _render(assembled, run, _Markdown(assembled, plots)))
        write_text(folder.path / REPORT_HTML, self._page(run, assembled, folder))

    def _page(self, run: RunFiles, assembled: Assembled, folder: RunFolder) -> str:
        from lmanet.explain.figures import draw_figures  # plotly takes a second to import
        from lmanet.explain.page import Contents, render_page

        figures = draw_figures(run, self.setting, assembled.important)
        cards = make_cards(run, self.setting, Path(os.path.relpath(folder.path)))
        text = _render(assembled, run, _Placeholders(assembled, set(figures), bool(cards)))
        return render_page(Contents(TITLE, text, assembled.tables, figures, cards), folder.path)

    def _write_networks(self, run: RunFiles, folder: RunFolder) -> None:
        """A file for each network that was trained, to train it again from."""
        for trial in run.trials:
            if trial.status is Status.TRAINED and trial.architecture:
                path = network_file(folder.path, trial)
                path.parent.mkdir(exist_ok=True)
                write_text(path, staged(trial.architecture).model_dump_json(indent=1) + "\n")

    def _draw(self, run: RunFiles, assembled: Assembled, folder: Path) -> set[str]:
        """Write the plots of ``report.md`` for which there is something to
        show; gives their names.
        """
        from lmanet.explain import plots  # matplotlib takes a second to import

        limits, platform = self.setting.target.limits, self.setting.target.platform
        drawings: dict[str, Callable[[], Any]] = {}
        if run.trials:
            drawings["proposals"] = lambda: plots.proposals_plot(run.trials, limits)
            drawings["statuses"] = lambda: plots.statuses_plot(run.trials)
        if run.front.trials:
            drawings["front"] = lambda: plots.front_plot(run.trials, run.front.trials, limits)
            drawings["progress"] = lambda: plots.progress_plot(run.trials, self.setting.pareto)
        if any(network.score.curve for network in run.full + run.distilled) or any(
            t.epochs for t in run.front.trials[:1]
        ):
            drawings["curves"] = lambda: plots.curves_plot(run)
        if assembled.best:
            graph = operators(assembled.best, self.setting.num_classes)
            sram = memory(graph, platform.runtime, platform.c_options)
            drawings["network"] = lambda: plots.network_plot(graph, platform.runtime, sram, limits)
        for place, deployment in enumerate(run.deployments, start=1):
            drawings[f"kernels_{place}"] = partial(plots.kernels_plot, deployment.deployed)
        folder.mkdir(exist_ok=True)
        for name, draw in drawings.items():
            plots.save(draw(), folder / f"{name}.png")
        return set(drawings)


class _Markdown:
    """What the template's calls give in ``report.md``."""

    def __init__(self, assembled: Assembled, plots: set[str]) -> None:
        self.tables, self.plots = assembled.tables, plots

    def table(self, name: str) -> str:
        if name not in self.tables:
            return ""
        whole = self.tables[name]
        left = len(whole.rows) - MOST_ROWS
        rest = (
            f"{left} more row{'s' if left > 1 else ''} of this table in `report.html`.\n"
            if left > 0
            else ""
        )
        return f"{to_markdown(whole._replace(rows=whole.rows[:MOST_ROWS]))}\n\n{rest}"

    def figure(self, title: str, plot: str | None, *figures: str) -> str:
        return f"![{title}](plots/{plot}.png)\n" if plot in self.plots else ""

    def explorer(self) -> str:
        return ""


class _Placeholders:
    """What they give in the page: paragraphs that it replaces."""

    def __init__(self, assembled: Assembled, figures: set[str], explorer: bool) -> None:
        self.tables, self.figures, self.has_explorer = assembled.tables, figures, explorer

    def table(self, name: str) -> str:
        return f"[[table:{name}]]\n" if name in self.tables else ""

    def figure(self, title: str, plot: str | None, *figures: str) -> str:
        return "\n".join(f"[[figure:{name}]]\n" for name in figures if name in self.figures)

    def explorer(self) -> str:
        return "[[explorer]]\n" if self.has_explorer else ""


def _render(assembled: Assembled, run: RunFiles, calls: _Markdown | _Placeholders) -> str:
    environment = Environment(
        loader=PackageLoader("lmanet.explain"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals |= {
        "table": calls.table,
        "figure": calls.figure,
        "explorer": calls.explorer,
    }
    facts: Mapping[str, Any] = {**assembled.facts, "tables": assembled.tables, "title": TITLE}
    text = environment.get_template("report.md").render(facts, command=command(*run.overrides))
    return BLANK_LINES.sub("\n\n", text).strip() + "\n"
