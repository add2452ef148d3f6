"""What the best network does on validation images: what its blocks contribute, what its maps are
worth, what it confuses.
"""

from collections.abc import Sequence

from plotly.graph_objects import Figure, Heatmap, Scatter

from lmanet.explain.figures.style import (
    BLUE,
    DASHES,
    ORANGE,
    PALETTE,
    SYMBOLS,
    figure,
    interval,
    label,
    plain,
    rounded,
)
from lmanet.run.results import Deletion, Examination, SkippedBlock

MOST_CLASSES = 20


def blocks(seen: Examination) -> Figure:
    """Accuracy that is lost without each block, with its interval."""
    looks = (("identity", "circle", BLUE), ("pooled", "square", ORANGE))
    data = [
        _losses([row for row in seen.skipped if row.stand_in == stand_in], symbol, colour)
        for stand_in, symbol, colour in looks
        if any(row.stand_in == stand_in for row in seen.skipped)
    ]
    order = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [row.part for row in seen.skipped],
        "autorange": "reversed",
    }
    low = 100 * min(0.0, *(row.low for row in seen.skipped))
    high = 100 * max(row.high for row in seen.skipped)
    room = max((high - low) / 20, 0.5)
    layout = {
        "xaxis": {"range": [low - room, high + room]},
        "yaxis": order,
        "height": 130 + 24 * len(seen.skipped),
    }
    title = "Accuracy lost without each block, with 95 % interval"
    return figure(data, title, "points of accuracy lost", "", **layout)


def _losses(rows: Sequence[SkippedBlock], symbol: str, colour: str) -> Scatter:
    """Of blocks that one thing stands in for."""
    losses = [100 * row.accuracy_loss for row in rows]
    lows, highs = [100 * row.low for row in rows], [100 * row.high for row in rows]
    return Scatter(
        x=rounded(losses),
        y=[row.part for row in rows],
        error_x=interval(lows, losses, highs, colour),
        text=[f"{row.val_accuracy:.1%}" for row in rows],
        name=f"{rows[0].stand_in} in its place",
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 9},
        hovertemplate="without %{y}: %{text}, %{x:.1f} points less<extra></extra>",
    )


def deletion(found: Deletion) -> Figure:
    """Probability of the predicted class while more and more of the image is deleted."""
    lines = [
        Scatter(
            x=rounded([100 * share for share in found.shares]),
            y=rounded([100 * value for value in values]),
            name=name,
            mode="lines+markers",
            line={"color": PALETTE[place], "dash": DASHES[place], "width": 2.5},
            marker={"symbol": SYMBOLS[place], "size": 6},
            hovertemplate="%{x:.0f} % deleted: %{y:.1f} %<extra></extra>",
        )
        for place, (name, values) in enumerate(
            (("the most salient first", found.gradcam), ("in random order", found.random))
        )
    ]
    title = (
        f"Probability while cells of {found.images:,} images are deleted: area between the curves "
        f"{found.area_difference:.3f} (95 % interval {found.low:.3f} to {found.high:.3f})"
    )
    axes = ("share of the image deleted (%)", "probability (%)")
    return figure(lines, title, *axes, yaxis={"range": [0, 102]})


def confusion(seen: Examination) -> Figure:
    """Rows true, columns predicted; of many classes those that are confused most."""
    counts, classes = seen.confusion, seen.classes
    wrong = [
        sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i]
        for i in range(len(classes))
    ]
    kept = sorted(sorted(range(len(classes)), key=lambda i: -wrong[i])[:MOST_CLASSES])
    # places as categories: two classes may have labels that are equal
    axis = {"type": "category", "tickvals": kept, "ticktext": [label(classes[i]) for i in kept]}
    layout = {
        "yaxis": {**axis, "autorange": "reversed"},
        "xaxis": {**axis, "tickangle": -90},
        "height": 220 + 26 * len(kept),
    }
    title = f"Confusion on {seen.images:,} validation images: rows true, columns predicted"
    if len(kept) < len(classes):
        title += f"; the {len(kept)} of {len(classes)} classes that are confused most"
    # No titles of axes: Plotly writes that of upright labels over the last row.
    return figure([_heat(seen, kept)], title, "", "", **layout)


def _heat(seen: Examination, kept: Sequence[int]) -> Heatmap:
    """Shares of each row of the classes that are kept, with the counts as text."""
    counts, classes = seen.confusion, seen.classes
    return Heatmap(
        z=[rounded([100 * counts[i][j] / max(sum(counts[i]), 1) for j in kept]) for i in kept],
        x=kept,
        y=kept,
        customdata=[
            [[plain(classes[i]), plain(classes[j]), counts[i][j]] for j in kept] for i in kept
        ],
        text=[[str(counts[i][j] or "") for j in kept] for i in kept],
        texttemplate="%{text}",
        colorscale="Cividis",
        zmin=0,
        zmax=100,
        colorbar={
            "title": {"text": "share of the row (%)", "side": "top"},
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.01,
            "yanchor": "bottom",
            "thickness": 10,
            "len": 0.6,
        },
        hovertemplate=(
            "%{customdata[0]}<br>taken for %{customdata[1]}<br>%{customdata[2]} images, %{z:.1f} "
            "%<extra></extra>"
        ),
    )
