"""The figures of the report as Plotly draws them."""

from lmanet.explain.figures.draw import draw_figures

__all__ = ["draw_figures"]
