"""A figure of the page as a PNG, for `report.md`: what Plotly draws in a browser, matplotlib draws
here from the same record.

Plotly's own export starts a browser, which a machine that trains rarely has. Of Plotly's format
this reads what the figures of `PICTURES` use.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MultipleLocator,
    NullFormatter,
)
from plotly.graph_objects import Figure

Spec = Mapping[str, Any]
PIXELS = 110  # an inch
WIDTH = 8.0  # inches
TITLE_CHARACTERS = 90  # a line
CROWDED = 24  # pixels below which two points are too near for both to be named
MARKS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "x": "x",
    "cross": "P",
    "star": "*",
}
DASHES: dict[str, Any] = {
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 2, 3)),
}


def save_png(figure: Figure, path: Path) -> None:
    """Draw a figure, legible at its own size."""
    spec = figure.to_plotly_json()
    layout = spec["layout"]
    canvas = Canvas(figsize=(WIDTH, layout["height"] / PIXELS), layout="constrained")
    panels = _panels(canvas, layout)
    for trace in spec["data"]:
        draw = _bars if trace["type"] == "bar" else _points
        draw(panels[trace.get("yaxis", "y")], trace)
    upper = panels["y"]
    upper.set_title("\n".join(textwrap.wrap(_text(layout["title"]["text"]), TITLE_CHARACTERS)))
    list(panels.values())[-1].set_xlabel(_text(layout["xaxis"]["title"]["text"]))
    _add_lines(upper, layout.get("shapes", ()))
    for name, axes in panels.items():
        _finish(axes, layout["xaxis"], layout[f"{name[0]}axis{name[1:]}"])
    for note in layout.get("annotations", ()):
        place, align = (note["x"], note["y"]), note["xanchor"]
        upper.annotate(_text(note["text"]), place, ha=align, va=note["yanchor"], fontsize=9)
    _add_names(upper, spec["data"])
    canvas.savefig(path, dpi=PIXELS, facecolor="white")


def _panels(canvas: Canvas, layout: Spec) -> dict[str, Axes]:
    """The axes by name of their y axis: one, or a second one below it."""
    if "yaxis2" not in layout:
        panels = {"y": canvas.subplots()}
    else:
        upper, lower = canvas.subplots(2, 1, sharex=True)
        panels = {"y": upper, "y2": lower}
    for axes in panels.values():
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    return panels


def _points(axes: Axes, trace: Spec) -> None:
    mode, marker, line = trace["mode"], trace.get("marker", {}), trace.get("line", {})
    symbol = str(marker.get("symbol", "circle"))
    colour = line.get("color", marker.get("color"))
    values = [math.nan if value is None else value for value in trace["y"]]
    axes.plot(
        [_text(value) for value in trace["x"]],
        [_text(value) for value in values],
        color=colour,
        label=_text(trace.get("name", "")) if trace.get("showlegend") is not False else None,
        linestyle=DASHES.get(line.get("dash", ""), "-") if "lines" in mode else "",
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        marker=MARKS[symbol.removesuffix("-open")] if "markers" in mode else "",
        markerfacecolor="none" if symbol.endswith("-open") else colour,
        markersize=0.7 * marker.get("size", 6),
        alpha=trace.get("opacity"),
        clip_on=False,
    )


def _bars(axes: Axes, trace: Spec) -> None:
    flat = trace.get("orientation") == "h"
    names, sizes = (trace["y"], trace["x"]) if flat else (trace["x"], trace["y"])
    draw = axes.barh if flat else axes.bar
    bars = draw([_text(name) for name in names], sizes, color=trace["marker"]["color"])
    shapes = trace["marker"].get("pattern", {}).get("shape", "")
    hatches = [shapes] * len(bars) if isinstance(shapes, str) else shapes
    for bar, hatch in zip(bars, hatches, strict=True):
        bar.set_hatch(3 * hatch)
    if "text" in trace:
        axes.bar_label(bars, [_text(text) for text in trace["text"]], padding=3, fontsize=9)
        axes.margins(x=0.12)


def _finish(axes: Axes, x: Spec, y: Spec) -> None:
    for axis, spec, limit in ((axes.xaxis, x, axes.set_xlim), (axes.yaxis, y, axes.set_ylim)):
        ends = spec.get("range")
        if spec.get("type") == "log":
            _log(axes, axis)
            ends = [10**end for end in spec["range"]]
        if "tickvals" in spec:
            axis.set_ticks(spec["tickvals"], [_text(text) for text in spec["ticktext"]])
        elif "dtick" in spec and spec.get("type") != "log":
            axis.set_major_locator(MultipleLocator(spec["dtick"]))
        if ends:
            limit(*ends)
        elif spec.get("rangemode") == "tozero":
            limit(0)
        if spec.get("autorange") == "reversed":
            axis.set_inverted(True)
    if "tickangle" in x:
        axes.tick_params(axis="x", rotation=-x["tickangle"], labelsize=9)
    axes.set_ylabel(_text(y["title"]["text"]))


def _log(axes: Axes, axis: Axis) -> None:
    """With 1, 2, 5, 10 and so on written out."""
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _add_lines(axes: Axes, shapes: Sequence[Spec]) -> None:
    """Lines across the whole figure, with their names."""
    for shape in shapes:
        line = shape["line"]
        look = {
            "color": line["color"],
            "linewidth": line["width"],
            "linestyle": DASHES.get(line.get("dash", ""), "-"),
            "zorder": 1,
        }
        label = shape.get("label", {})
        at_start = label.get("textposition") == "start"
        if shape.get("yref") == "paper":
            axes.axvline(shape["x0"], **look)
            place, kind, align = (shape["x0"], 1), ("data", "axes fraction"), ("right", "top")
        else:
            axes.axhline(shape["y0"], **look)
            place, kind = (0 if at_start else 1, shape["y0"]), ("axes fraction", "data")
            align = ("left" if at_start else "right", "bottom")
        text, (ha, va) = _text(label.get("text", "")), align
        axes.annotate(text, place, xycoords=kind, ha=ha, va=va, fontsize=9)


def _add_names(axes: Axes, traces: Sequence[Spec]) -> None:
    """A legend where there are several traces; names of points wherever there is room."""
    if axes.get_legend_handles_labels()[0] and len(traces) > 1:
        axes.legend(fontsize=9)
    named: list[tuple[float, float]] = []
    for trace in traces:
        if "text" not in str(trace.get("mode")):
            continue
        for x, y, text in zip(trace["x"], trace["y"], trace["text"], strict=True):
            pixels = axes.transData.transform((x, y))
            if all(math.dist(pixels, other) > CROWDED for other in named):
                named.append((pixels[0], pixels[1]))
                axes.annotate(
                    _text(text),
                    (x, y),
                    xytext=(-6, 4),
                    textcoords="offset points",
                    ha="right",
                    fontsize=9,
                )


def _text(value: Any) -> Any:
    """Text as Plotly shows it, for matplotlib, to which a dollar is markup; numbers as they are."""
    if not isinstance(value, str):
        return value
    return unescape(value.replace("<br>", "\n")).replace("$", r"\$")
