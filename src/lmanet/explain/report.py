"""Report: a run's folder -> ``report.html``, and ``report.md`` with plots beside it."""

import os
from pathlib import Path

from lmanet.base import require_packages
from lmanet.explain.cards import make_cards, network_file
from lmanet.explain.facts.contents import Setting, read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.tables.fill import fill_tables
from lmanet.explain.text import TITLE, Placeholders, Terminal, render
from lmanet.files import write_text
from lmanet.run.folder import PLOTS, REPORT_HTML, REPORT_MD, RunFolder
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

    def run(self, folder: RunFolder) -> None:
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


def _write_report(facts: Facts, folder: RunFolder) -> None:
    from lmanet.explain.figures import draw_figures, draw_pictures  # plotly takes a second
    from lmanet.explain.page import Contents, render_page

    where = Path(os.path.relpath(folder.path))
    tables, figures, cards = fill_tables(facts), draw_figures(facts), make_cards(facts, where)
    pictures = draw_pictures(facts, figures, folder.path / PLOTS)
    write_text(folder.path / REPORT_MD, render(facts, where, Terminal(tables, pictures)))
    text = render(facts, where, Placeholders(tables, figures, bool(cards)))
    page = render_page(Contents(TITLE, text, tables, figures, cards), folder.path)
    write_text(folder.path / REPORT_HTML, page)


def _write_networks(facts: Facts, folder: RunFolder) -> None:
    """A file for each network that was trained, to train it again from."""
    for trial in facts.run.trials:
        if trial.status is Status.TRAINED and trial.architecture:
            path = network_file(folder.path, trial)
            path.parent.mkdir(exist_ok=True)
            write_text(path, staged(trial.architecture).model_dump_json(indent=1) + "\n")
