"""What all figures share: colours and marks, a layout to which the page adds its own colours, and text that cannot be markup."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from plotly.graph_objects import Figure

# Okabe and Ito's palette, for colour-blind readers too; marks and dashes tell the same, so that colour never stands alone.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
GREY = "#888888"  # legible on white and on black
HEIGHT = 360
DIGITS = 5


def plain(text: object) -> str:
    """Text from anywhere as Plotly shows it: its labels would take tags for markup."""
    return escape(str(text), quote=False)


def rounded(values: Sequence[float]) -> list[float]:
    """To five digits, so that a page stays small."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def figure(data: Sequence[Any], title: str, x: str, y: str, **layout: Any) -> Figure:
    """A figure with its axes named.

    Args:
        layout: of Plotly, over what is common.
    """
    common: Mapping[str, Any] = {
        "template": "none",
        "title": {"text": title, "x": 0, "xref": "container", "font": {"size": 15}},
        "height": HEIGHT,
        "margin": {"l": 60, "r": 20, "t": 75, "b": 50},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"title": {"text": x}, "automargin": True, "showgrid": True},
        "yaxis": {"title": {"text": y}, "automargin": True, "showgrid": True},
        "colorway": list(PALETTE),
    }
    merged = {
        key: ({**value, **layout.get(key, {})} if isinstance(value, dict) else layout.get(key, value)) for key, value in common.items()
    }
    return Figure(list(data), {**layout, **merged})
