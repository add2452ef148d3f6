"""The report's template -> Markdown: for a terminal as it is, for the page with placeholders."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmanet.command import command
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.filters import FILTERS
from lmanet.explain.facts.importance import SEEDS
from lmanet.explain.tables.table import Table, to_markdown

TITLE = "Report of a run"
RUNTIME_WORDS = {
    "c_static": "our generated C",
    "tflm": "TensorFlow Lite Micro with CMSIS-NN on a 32-bit target",
    "plain": "the tensors alone, which no runtime can do without",
}
BLANK_LINES = re.compile(r"\n{3,}")
MOST_ROWS = 40  # of a table in report.md, which is read in a terminal


class Form(Protocol):
    """What the template's calls give."""

    @property
    def tables(self) -> Collection[str]:
        """Names of those that the run has."""

    def table(self, name: str) -> str:
        """Where the run has it."""

    def figure(self, title: str, *names: str) -> str:
        """Those that the run has."""

    def explorer(self) -> str:
        """Networks to choose from."""


class Terminal(NamedTuple):
    """In ``report.md``: tables up to `MOST_ROWS`, and pictures."""

    tables: Mapping[str, Table]
    pictures: Collection[str]

    def table(self, name: str) -> str:
        """As Markdown."""
        if name not in self.tables:
            return ""
        whole = self.tables[name]
        left = len(whole.rows) - MOST_ROWS
        more = f"{left} more row{'s' if left > 1 else ''} of this table in `report.html`.\n"
        shown = to_markdown(whole._replace(rows=whole.rows[:MOST_ROWS]))
        return f"{shown}\n\n{more if left > 0 else ''}"

    def figure(self, title: str, *names: str) -> str:
        """As PNG files."""
        return "\n".join(
            f"![{title}](plots/{name}.png)\n" for name in names if name in self.pictures
        )

    def explorer(self) -> str:
        """The front as a picture: nothing can be picked."""
        return self.figure("Validation accuracy over MACs", "front")


class Placeholders(NamedTuple):
    """In the page: paragraphs that it replaces."""

    tables: Collection[str]
    figures: Collection[str]
    has_explorer: bool

    def table(self, name: str) -> str:
        """By its name."""
        return f"[[table:{name}]]\n" if name in self.tables else ""

    def figure(self, title: str, *names: str) -> str:
        """By their names; the page writes the title of each."""
        return "\n".join(f"[[figure:{name}]]\n" for name in names if name in self.figures)

    def explorer(self) -> str:
        """Its place."""
        return "[[explorer]]\n" if self.has_explorer else ""


def render(facts: Facts, folder: Path, form: Form) -> str:
    """The report's text.

    Args:
        folder: of the run, as its commands name it.
    """
    environment = Environment(
        loader=PackageLoader("lmanet.explain"),
        # it writes Markdown, and the templates' filters escape that
        autoescape=False,  # nosec B701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    runtime = facts.setting.target.platform.runtime
    text = environment.get_template("report.md").render(
        table=form.table,
        figure=form.figure,
        explorer=form.explorer,
        command=command,
        resume=f"resume={folder}",
        facts=facts,
        run=facts.run,
        setting=facts.setting,
        best=facts.best,
        tables=form.tables,
        title=TITLE,
        runtime=runtime,
        runtime_words=RUNTIME_WORDS[runtime],
        seeds=SEEDS,
    )
    return BLANK_LINES.sub("\n\n", text).strip() + "\n"
