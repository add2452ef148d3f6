"""What all figures share: colours and marks, a layout to which the page adds its own colours, and
text that cannot be markup.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from textwrap import wrap
from typing import Any, Literal, NamedTuple

from plotly.graph_objects import Figure

from lmanet.run.records import Status

# Okabe and Ito's palette, for colour-blind readers too; marks and dashes tell the same, so that
# colour never stands alone.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
GREY = "#888888"  # legible on white and on black
HEIGHT = 340
DIGITS = 5
ROOM = 1.15  # around the values on a logarithmic axis
# A phone of 360 pixels shows labels of so many characters beside a figure, and so many in a line of
# hover text.
LABEL_CHARACTERS = 24
HOVER_CHARACTERS = 42
MOST_HOVER_CHARACTERS = 160


class Look(NamedTuple):
    """How the points of a status look."""

    colour: str
    symbol: str

    @property
    def marker(self) -> dict[str, object]:
        """As Plotly takes it."""
        return {"color": self.colour, "symbol": self.symbol, "size": 9}


LOOKS = {
    Status.TRAINED: Look(GREEN, "circle"),
    Status.PAUSED: Look(BLUE, "diamond"),
    Status.REJECTED: Look(VERMILION, "x"),
    Status.UNPARSABLE: Look(PURPLE, "cross"),
    Status.FAILED: Look(ORANGE, "square"),
    Status.TIMED_OUT: Look(ORANGE, "triangle-up"),
}


def words(status: Status) -> str:
    """``timed out``."""
    return status.value.replace("_", " ")


def plain(text: object) -> str:
    """Text from anywhere as Plotly shows it: its labels would take tags for markup."""
    return escape(str(text), quote=False)


def label(text: object) -> str:
    """The same in one short line."""
    line = " ".join(str(text).split())
    return plain(line if len(line) <= LABEL_CHARACTERS else f"{line[: LABEL_CHARACTERS - 1]}…")


def hover(text: object) -> str:
    """The same in lines that a phone can show, as Plotly breaks none."""
    line = " ".join(str(text).split())
    return "<br>".join(map(plain, wrap(line[:MOST_HOVER_CHARACTERS], HOVER_CHARACTERS)))


def rounded(values: Sequence[float]) -> list[float]:
    """To five digits, so that a page stays small."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def interval(
    lows: Sequence[float], values: Sequence[float], highs: Sequence[float], colour: str
) -> dict[str, object]:
    """Error bars of Plotly, in the colour of their marks: its own is lost on a dark page."""
    return {
        "type": "data",
        "symmetric": False,
        "array": rounded([high - value for value, high in zip(values, highs, strict=True)]),
        "arrayminus": rounded([value - low for low, value in zip(lows, values, strict=True)]),
        "color": colour,
        "thickness": 2,
        "width": 4,
    }


def hatched(colour: str, shape: str | list[str]) -> dict[str, object]:
    """A marker of bars with lines over their colour."""
    pattern = {
        "shape": shape,
        "fillmode": "overlay",
        "bgcolor": colour,
        "fgcolor": "rgba(255,255,255,.6)",
        "size": 7,
    }
    return {"color": colour, "pattern": pattern}


def limit_line(
    axis: Literal["x", "y"], value: float, text: str, position: Literal["start", "end"] = "end"
) -> dict[str, Any]:
    """A dashed line across the figure, with its name.

    Args:
        axis: on which the value lies.
        position: of the name along the line.
    """
    other = "y" if axis == "x" else "x"
    upright = {"textangle": 0, "xanchor": "right", "yanchor": "top"} if axis == "x" else {}
    return {
        "type": "line",
        f"{axis}0": value,
        f"{axis}1": value,
        f"{other}0": 0,
        f"{other}1": 1,
        f"{other}ref": "paper",
        "line": {"dash": "dash", "color": GREY, "width": 1.5},
        "label": {"text": text, "textposition": position, "font": {"size": 11}, **upright},
    }


def log_axis(values: Sequence[float]) -> dict[str, object]:
    """A logarithmic axis around values, at which 1, 2, 5, 10, 20 and so on are written."""
    ends = [math.log10(min(values) / ROOM), math.log10(max(values) * ROOM)]
    return {"type": "log", "range": ends, "dtick": "D2", "minorloglabels": "complete"}


def figure(data: Sequence[Any], title: str, x: str, y: str, **layout: Any) -> Figure:
    """A figure with its axes named.

    Args:
        title: in our own words; the page writes it above the figure, where it can break into lines.
        layout: of Plotly, over what is common.
    """
    common: Mapping[str, Any] = {
        "template": "none",
        "title": {"text": title},
        "height": HEIGHT,
        "margin": {"l": 55, "r": 15, "t": 30, "b": 55},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "xaxis": {"title": {"text": x, "standoff": 8}, "automargin": True, "showgrid": True},
        "yaxis": {"title": {"text": y, "standoff": 8}, "automargin": True, "showgrid": True},
    }
    merged = {
        key: (
            {**value, **layout.get(key, {})} if isinstance(value, dict) else layout.get(key, value)
        )
        for key, value in common.items()
    }
    return Figure(list(data), {**layout, **merged})
