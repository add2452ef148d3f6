"""The figures of the report as Plotly draws them."""

from lmanet.explain.figures.draw import draw_figures, draw_pictures

__all__ = ["draw_figures", "draw_pictures"]
