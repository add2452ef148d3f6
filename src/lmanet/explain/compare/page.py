"""Comparison: runs -> ``comparison/`` with ``compare.html`` (one file), ``compare.md`` with plots
beside it, and ``compare.csv``.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmanet.command import command
from lmanet.explain.compare import tables
from lmanet.explain.compare.curves import MEASURES, Axis, Measure, band, progress
from lmanet.explain.compare.runs import SearchRun, searchers
from lmanet.explain.compare.statistics import FEWEST_SEEDS, Pair, compare_pairs
from lmanet.explain.compare.verdicts import MEASURE_WORDS, p_value, seeds_note, verdict
from lmanet.explain.facts.filters import FILTERS
from lmanet.files import write_text
from lmanet.run.folder import COMPARED, RunFolder
from lmanet.steps import Pareto

FORMULA = re.compile(r"[=+\-@\t\r]")
AXES: tuple[Axis, ...] = ("evaluations", "seconds", "tokens", "proposals")


class Plot(NamedTuple):
    """A figure of the page."""

    name: str
    title: str
    svg: str


class Comparison:
    """Compares searchers by what their runs found, seed by seed.

    Args:
        runs: of `read_runs`.
        pareto: of these runs.
    """

    def __init__(self, runs: Sequence[SearchRun], pareto: Pareto) -> None:
        self.searchers = searchers(runs)
        self.histories = {
            one.label: {seed: progress(run, pareto) for seed, run in one.runs.items()}
            for one in self.searchers
        }
        self.budget = min(run.evaluations for run in runs)
        objectives = set(runs[0].settings["pareto"]["objectives"])
        # else both say the same
        self.measures: tuple[Measure, ...] = (
            MEASURES if objectives != {"val_accuracy"} else ("accuracy",)
        )
        self.pairs: dict[Measure, list[Pair]] = {
            measure: compare_pairs(self._reached(measure)) for measure in self.measures
        }

    @property
    def sentences(self) -> list[str]:
        """Who won, or that it cannot be told: by hypervolume, and by the best accuracy."""
        return [
            verdict(measure, list(self.histories), self.pairs[measure]) for measure in self.measures
        ]

    def run(self, folder: RunFolder) -> None:
        """Write everything into ``folder/comparison``."""
        into = folder.path / COMPARED
        into.mkdir(parents=True, exist_ok=True)
        content = self._content(self._draw(into))
        write_text(into / "compare.csv", _csv(tables.csv_rows(self.histories, self._points)))
        for name, escape in (("compare.md", False), ("compare.html", True)):
            text = _environment(escape).get_template(name).render(**content)
            write_text(into / name, text)

    @property
    def _points(self) -> list[int]:
        return tables.checkpoints(
            int(run.evaluations[-1]) for runs in self.histories.values() for run in runs.values()
        )

    def _reached(self, measure: Measure) -> dict[str, dict[int, float]]:
        """Searcher -> seed -> the measure when the common budget was spent."""
        return {
            label: {
                seed: float(getattr(run, measure)[run.after(self.budget)])
                for seed, run in runs.items()
            }
            for label, runs in self.histories.items()
        }

    def _draw(self, folder: Path) -> list[Plot]:
        from lmanet.explain.compare import plots  # matplotlib takes a second to import

        drawn = []
        places = {label: place for place, label in enumerate(self.histories)}
        for axis in AXES:
            for measure in self.measures:
                found = {
                    label: band(list(runs.values()), axis, measure)
                    for label, runs in self.histories.items()
                }
                if bands := {label: curve for label, curve in found.items() if curve is not None}:
                    name = f"{measure}_{axis}"
                    figure = plots.plot(bands, places, axis, measure)
                    plots.png(figure, folder / f"{name}.png")
                    drawn.append(
                        Plot(
                            name,
                            f"{MEASURE_WORDS[measure]} over {plots.AXIS_WORDS[axis]}",
                            plots.svg(figure, name),
                        )
                    )
        return drawn

    def _content(self, drawn: Sequence[Plot]) -> dict[str, Any]:
        from lmanet.explain.compare.plots import swatch

        runs = [run for searcher in self.searchers for run in searcher.runs.values()]
        return {
            "searchers": self.searchers,
            "swatches": {
                searcher.label: swatch(place) for place, searcher in enumerate(self.searchers)
            },
            "sentences": self.sentences,
            "seeds_note": seeds_note([searcher.runs for searcher in self.searchers]),
            "budget": self.budget,
            "shorter": [
                run.folder
                for run in runs
                if run.evaluations == self.budget < max(run.evaluations for run in runs)
            ],
            "checkpoints": tables.checkpoint_rows(self.histories, self._points),
            "spending": [tables.spending_row(searcher) for searcher in self.searchers],
            "claims": [row for searcher in self.searchers for row in tables.claims_rows(searcher)],
            "pairs": {
                measure: [_ahead_first(pair) for pair in pairs]
                for measure, pairs in self.pairs.items()
            },
            "plots": drawn,
            "settings": _settings(runs[0].settings),
            "versions": _versions(runs),
            "command": _command,
            "date": datetime.now(UTC).date().isoformat(),
            "lmanet": version("lmanet"),
            "fewest_seeds": FEWEST_SEEDS,
            "measure_words": MEASURE_WORDS,
        }


def _ahead_first(pair: Pair) -> Pair:
    return pair.turned() if pair.effect < 0 else pair


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What all runs share, in words short enough for a table."""
    names = {
        key: value.get("name") or value.get("_target_")
        for key, value in settings.items()
        if isinstance(value, Mapping)
    }
    objectives = settings.get("pareto", {}).get("objectives", {})
    pareto = ", ".join(f"{name} {spec['direction']}" for name, spec in objectives.items())
    return [
        (key, pareto if key == "pareto" else str(name))
        for key, name in names.items()
        if name and key != "validate"
    ]


def _versions(runs: Sequence[SearchRun]) -> list[str]:
    """Every set of versions that made a trial."""
    sets = {tuple(sorted(trial.versions.items())) for run in runs for trial in run.trials}
    return sorted(", ".join(f"{name} {number}" for name, number in versions) for versions in sets)


def _command(run: SearchRun) -> str:
    return command(*run.overrides)


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _csv_field(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def _csv_field(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it, as in the
    page's own tables.
    """
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("lmanet.explain.compare"),
        # off for Markdown, which the templates' filters escape
        autoescape=autoescape,  # nosec B701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS | {
        "p_value": p_value,
        "interval": _interval,
        "points": _percentage,
        "shares": _shares,
    }
    return environment


def _interval(ends: tuple[float, float] | None) -> str:
    return f"{ends[0]:+.4f} to {ends[1]:+.4f}" if ends else "none"


def _shares(ends: tuple[float, float] | None) -> str:
    return f"{ends[0]:.1%} to {ends[1]:.1%}" if ends else ""


def _percentage(share: float) -> str:
    """A share in percent, without the sign."""
    return f"{share * 100:.2f}"
