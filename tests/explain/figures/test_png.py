"""A figure of the page as a PNG: what stands in its record is what is drawn."""

import pytest
from matplotlib.figure import Figure as Canvas
from plotly.graph_objects import Bar, Scatter

from lmanet.explain.figures.png import save_png
from lmanet.explain.figures.style import BLUE, figure, limit_line, log_axis


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws a figure and gives matplotlib's axes, which a PNG no longer tells."""
    kept = []
    save = Canvas.savefig

    def keep(canvas, *given, **more):
        kept.append(canvas)
        save(canvas, *given, **more)

    monkeypatch.setattr(Canvas, "savefig", keep)

    def draw(shown):
        save_png(shown, tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
        return kept[-1].axes

    return draw


def line(**more):
    return Scatter(**({"x": [1, 2], "y": [3.0, 4.0], "mode": "lines+markers", "name": "a"} | more))


def test_a_line_keeps_its_values_colour_dash_and_mark(drawn):
    look = {"line": {"color": BLUE, "dash": "dash", "shape": "hv"}}
    (axes,) = drawn(
        figure([line(marker={"symbol": "square-open", "size": 9}, **look)], "t", "", "")
    )
    (found,) = axes.lines
    assert (list(found.get_xdata()), list(found.get_ydata())) == ([1, 2], [3, 4])
    assert (found.get_color(), found.get_linestyle(), found.get_marker()) == (BLUE, "--", "s")
    assert found.get_drawstyle() == "steps-post" and found.get_markerfacecolor() == "none"


def test_titles_and_names_are_text_and_no_mathematics(drawn):
    shown = figure([line(name="5 $ a"), line()], "a &lt; b, $x$", "x (M)", "y<br>(%)")
    (axes,) = drawn(shown)
    assert axes.get_title() == r"a < b, \$x\$"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (M)", "y\n(%)")
    assert [text.get_text() for text in axes.get_legend().texts] == [r"5 \$ a", "a"]


def test_a_logarithmic_axis_has_the_ends_of_the_page(drawn):
    (axes,) = drawn(figure([line()], "t", "", "", xaxis=log_axis([1, 2, 100])))
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx((1 / 1.15, 115))


def test_an_axis_from_zero_still_shows_a_limit_beyond_all_values(drawn):
    shapes = [limit_line("x", 10, "10M")]
    (axes,) = drawn(figure([line()], "t", "", "", shapes=shapes, xaxis={"rangemode": "tozero"}))
    assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] >= 10
    assert "10M" in [text.get_text() for text in axes.texts]


def test_bars_lie_from_the_top_and_bear_their_text(drawn):
    bars = Bar(
        x=[3, 1], y=["a<br>b", "c"], text=["75%", "25%"], orientation="h", marker={"color": BLUE}
    )
    (axes,) = drawn(figure([bars], "t", "", "", yaxis={"autorange": "reversed"}))
    assert [patch.get_width() for patch in axes.patches] == [3, 1] and axes.yaxis_inverted()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a\nb", "c"]
    assert [text.get_text() for text in axes.texts] == ["75%", "25%"]


def test_a_second_axis_stands_below_the_first(drawn):
    lower = {"domain": [0, 0.4], "title": {"text": "loss"}, "rangemode": "tozero"}
    shown = figure([line(), line(yaxis="y2", showlegend=False)], "t", "epoch", "%", yaxis2=lower)
    first, second = drawn(shown)
    assert first.get_position().y0 > second.get_position().y0
    assert (first.get_ylabel(), second.get_ylabel(), second.get_xlabel()) == ("%", "loss", "epoch")
    assert len(first.lines) == len(second.lines) == 1 and second.get_ylim()[0] == 0
