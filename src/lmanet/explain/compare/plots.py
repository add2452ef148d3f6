"""The page's plots: median and quartiles over seeds, one figure a measure and axis; as SVG for
light and dark pages, and as PNG.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lmanet.explain.compare.curves import Axis, Band, Measure
from lmanet.explain.compare.verdicts import MEASURE_WORDS

# Stands for the colour of the page's text: in an SVG it becomes `currentColor`, in a PNG it is
# nearly black.
INK = "#1a1b1c"
# Okabe and Ito's palette, for colour-blind readers too, with ink for their black and without their
# yellow, which white paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK)
# as in SVG, in units of a line's width
DASHES = (
    "",
    "6 2",
    "2 2",
    "8 2 2 2",
    "10 3",
    "4 1 1 1 1 1",
    "1 1",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
AXIS_WORDS: dict[Axis, str] = {
    "evaluations": "networks trained",
    "seconds": "training time (s)",
    "tokens": "tokens, prompt and completion",
    "proposals": "proposals asked for",
}
SIZE = (4.7, 3.3)  # inches; small, so that its text stays legible on a telephone
LABEL_GAP = 0.06  # of the axes' height a line of text, below which two labels would overlap
WRAP, LINES = 21, 3  # characters a line of a label, and lines, at most


def plot(
    bands: Mapping[str, Band], places: Mapping[str, int], axis: Axis, measure: Measure
) -> Figure:
    """A measure over an axis.

    Args:
        bands: searcher -> its curve.
        places: searcher -> its place on the page, which fixes its colour.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    _quiet(axes)
    axes.set_xlabel(AXIS_WORDS[axis], color=INK, fontsize=9)
    axes.set_ylabel(
        MEASURE_WORDS[measure] + (" (%)" if measure == "accuracy" else " (share of 1)"),
        color=INK,
        fontsize=9,
    )
    for label, band in bands.items():
        _draw(axes, band, places[label] % len(COLOURS))
    found = np.concatenate(
        [values[values > 0] for band in bands.values() for values in (band.lower, band.median)]
    )
    if found.size:  # the 0 of runs that have found nothing yet is no place to start an axis at
        axes.set_ylim(bottom=found.min() - 0.05 * (axes.get_ylim()[1] - found.min()))
    if axis in ("evaluations", "proposals"):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    if measure == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=""))
    _name_lines(axes, bands, places)
    return figure


def svg(figure: Figure, name: str) -> str:
    """To stand inline in HTML: text in the page's own font and colour, ids
    that no other plot has.
    """
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def png(figure: Figure, path: Path) -> None:
    """On white, legible at its own size."""
    figure.savefig(path, dpi=130, facecolor="white")


def swatch(place: int) -> tuple[str, str]:
    """Colour and SVG dashes of a searcher's line."""
    return COLOURS[place % len(COLOURS)].replace(INK, "currentColor"), _scaled(
        DASHES[place % len(DASHES)], 2
    )


def _draw(axes: Axes, band: Band, place: int) -> None:
    found = band.median > 0
    style = (0, tuple(map(float, DASHES[place].split()))) if DASHES[place] else "-"
    axes.fill_between(
        band.places,
        band.lower,
        band.upper,
        where=(band.upper > 0).tolist(),
        color=COLOURS[place],
        alpha=0.15,
        linewidth=0,
        step="post",
    )
    axes.plot(
        band.places[found],
        band.median[found],
        drawstyle="steps-post",
        color=COLOURS[place],
        linestyle=style,
        linewidth=1.8,
        marker=MARKERS[place],
        markersize=4.5,
        markevery=np.linspace(0, max(found.sum() - 1, 0), 6, dtype=int).tolist(),
    )


def _name_lines(axes: Axes, bands: Mapping[str, Band], places: Mapping[str, int]) -> None:
    """Write each label beside the end of its line."""
    bottom, top = axes.get_ylim()
    ordered = sorted(bands, key=lambda label: float(bands[label].median[-1]))
    texts = [_wrapped(label) for label in ordered]
    ends = [float(bands[label].median[-1]) for label in ordered]
    levels = apart(
        [(end - bottom) / (top - bottom) for end in ends],
        [LABEL_GAP * (text.count("\n") + 1) for text in texts],
    )
    for label, text, end, level in zip(ordered, texts, ends, levels, strict=True):
        axes.annotate(
            text,
            xy=(float(bands[label].places[-1]), end),
            xytext=(1.03, level),
            textcoords="axes fraction",
            color=INK,
            fontsize=8.5,
            va="center",
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": COLOURS[places[label] % len(COLOURS)],
                "linewidth": 0.8,
                "linestyle": ":",
                "relpos": (0, 0.5),
            },
        )


def apart(levels: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Move labels so that none overlaps another: up from the lowest, then down again from the top,
    1, as far as need be.

    Args:
        levels: of the labels' middles, ascending.
        heights: of the labels.
    """
    moved = list(levels)
    for place in range(1, len(moved)):
        moved[place] = max(
            moved[place], moved[place - 1] + (heights[place - 1] + heights[place]) / 2
        )
    ceiling = 1.0
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], ceiling - heights[place] / 2)
        ceiling = moved[place] - heights[place] / 2
    return moved


def _wrapped(label: str) -> str:
    lines = textwrap.wrap(label, WRAP, break_long_words=False, break_on_hyphens=False) or [label]
    return "\n".join(
        line if len(line) <= WRAP else f"{line[: WRAP - 1]}…" for line in lines[:LINES]
    )


def _quiet(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(color=INK, alpha=0.12, linewidth=0.6)


def _scaled(dashes: str, factor: int) -> str:
    return " ".join(str(int(length) * factor) for length in dashes.split())
