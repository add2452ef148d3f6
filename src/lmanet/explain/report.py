"""Report: a run's folder -> ``report.html``, and ``report.md`` with plots beside it."""

import os
from pathlib import Path

from lmanet.base import require_packages
from lmanet.explain.cards import make_cards, network_file
from lmanet.explain.facts.contents import Setting, read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.tables.fill import fill_tables
from lmanet.explain.text import TITLE, Placeholders, Terminal, render
from lmanet.run.records import Status
from lmanet.space import staged


class Report:
    """Writes what a run has found, for people; it can be run again at any time.

    Args:
        setting: of the run.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def require(self) -> None:
        """Say which library of the plots or the page is missing."""
        require_packages("the stage report", "", "matplotlib", "plotly", "markdown_it")

    def run(self, folder: Path) -> None:
        """Read the files of ``folder`` and write ``report.html``, ``report.md``, ``plots/`` and
        ``networks/`` into it.

        Raises:
            ConfigError: the search was of cells, whose operators are not known here.
        """
        facts = Facts(read_run(folder), self.setting)
        for trial in facts.run.trials:
            if trial.architecture:
                staged(trial.architecture)
        _write_networks(facts, folder)
        _write_report(facts, folder)


def _write_report(facts: Facts, folder: Path) -> None:
    from lmanet.explain.figures import draw_figures, draw_pictures  # plotly takes a second
    from lmanet.explain.page import Contents, render_page

    where = Path(os.path.relpath(folder))
    tables, figures, cards = fill_tables(facts), draw_figures(facts), make_cards(facts, where)
    pictures = draw_pictures(facts, figures, folder / "plots")
    _write(folder / "report.md", render(facts, where, Terminal(tables, pictures)))
    text = render(facts, where, Placeholders(tables, figures, bool(cards)))
    page = render_page(Contents(TITLE, text, tables, figures, cards), folder)
    _write(folder / "report.html", page)


def _write_networks(facts: Facts, folder: Path) -> None:
    """A file for each network that was trained, to train it again from."""
    for trial in facts.run.trials:
        if trial.status is Status.TRAINED and trial.architecture:
            path = network_file(folder, trial)
            path.parent.mkdir(exist_ok=True)
            _write(path, trial.architecture.model_dump_json(indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """A crash leaves the old file or the new one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
