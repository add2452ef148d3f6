"""What the best network costs: operator by operator in the order in which they run, and what one
change would do.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.explain.facts.filters import KIB
from lmanet.explain.facts.neighbours import NeighbourRow, Surroundings
from lmanet.explain.facts.operators import OperatorRow
from lmanet.explain.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    figure,
    hatched,
    hover,
    interval,
    limit_line,
    log_axis,
    rounded,
)

ROOM = 1.18  # of the largest value, for the words above it


def macs_by_operator(rows: Sequence[OperatorRow]) -> Figure:
    """The largest bears its name."""
    work = [row.macs / 1e6 for row in rows]
    bars = Bar(
        x=list(range(len(rows))),
        y=rounded(work),
        hovertext=[_words(row) for row in rows],
        marker={"color": BLUE},
        hovertemplate="%{hovertext}<br>%{y:.3f}M MACs<extra></extra>",
    )
    top = work.index(max(work))
    notes = [_note(rows, top, work[top], f"{rows[top].name}: {work[top]:.2f}M")]
    return figure(
        [bars],
        "MACs of each operator",
        "",
        "MACs (M)",
        **_over_operators(rows, max(work), notes, []),
    )


def memory_over_time(rows: Sequence[OperatorRow], allocated: int, limit: int | None) -> Figure:
    """SRAM in use while each operator runs; what sets the peak is hatched, and named in the title.

    Args:
        allocated: bytes that the runtime takes once and for all; more than are ever in use where
            buffers leave gaps between them.
    """
    used = [row.sram_bytes / KIB for row in rows]
    bars = Bar(
        x=list(range(len(rows))),
        y=rounded(used),
        hovertext=[_words(row) for row in rows],
        marker=hatched(VERMILION, ["x" if row.is_peak else "" for row in rows])
        | {"color": [VERMILION if row.is_peak else SKY for row in rows]},
        hovertemplate="%{hovertext}<br>%{y:.1f} KiB in use<extra></extra>",
    )
    peak = next(place for place, row in enumerate(rows) if row.is_peak)
    lines = [limit_line("y", limit / KIB, f"limit {limit / KIB:.1f} KiB")] if limit else []
    if f"{allocated / KIB:.1f}" != f"{used[peak]:.1f}":
        line = limit_line("y", allocated / KIB, f"allocated {allocated / KIB:.1f} KiB", "start")
        lines.append({**line, "line": {**line["line"], "dash": "dot"}})
    most = max(allocated, limit or 0) / KIB
    title = (
        f"SRAM in use while each operator runs: the peak is {used[peak]:.1f} KiB, at "
        f"{rows[peak].name}"
    )
    return figure([bars], title, "", "SRAM (KiB)", **_over_operators(rows, most, [], lines))


def latency_by_call(rows: Sequence[OperatorRow]) -> Figure:
    """Estimated milliseconds of each kernel call, from the lowest to the highest."""
    calls = [(place, row, row.latency_ms) for place, row in enumerate(rows) if row.latency_ms]
    middle = [(span.lowest + span.highest) / 2 for _, _, span in calls]
    dots = Scatter(
        x=[place for place, _, _ in calls],
        y=rounded(middle),
        error_y=interval(
            [span.lowest for _, _, span in calls],
            middle,
            [span.highest for _, _, span in calls],
            ORANGE,
        ),
        hovertext=[
            f"call that begins with {row.name}<br>{span.lowest:.2f} to {span.highest:.2f} ms"
            for _, row, span in calls
        ],
        mode="markers",
        marker={"color": ORANGE, "symbol": "diamond", "size": 7},
        hovertemplate="%{hovertext}<extra></extra>",
    )
    place, row, span = max(calls, key=lambda call: call[2].highest)
    notes = [
        _note(rows, place, span.highest, f"{row.name}: {span.lowest:.1f} to {span.highest:.1f} ms")
    ]
    title = "Latency of each kernel call, estimated, from the lowest to the highest"
    return figure(
        [dots], title, "", "latency (ms)", **_over_operators(rows, span.highest, notes, [])
    )


def neighbours(here: Surroundings) -> Figure:
    """Peak SRAM over MACs of all networks one choice away, as multiples of the network's own."""
    fitting = [row for row in here.rows if row.fits]
    kinds = (
        (
            "exceeds a limit",
            [row for row in here.rows if not row.fits],
            {"color": VERMILION, "symbol": "x", "size": 8},
        ),
        (
            "within all limits",
            [row for row in fitting if row.val_accuracy is None],
            {"color": BLUE, "symbol": "circle-open", "size": 8, "line": {"width": 2}},
        ),
        (
            "within all limits, trained",
            [row for row in fitting if row.val_accuracy is not None],
            {"color": GREEN, "symbol": "star", "size": 13},
        ),
    )
    data = [_changes(name, rows, marker, here) for name, rows, marker in kinds if rows]
    axes = ("MACs (times its own)", "peak SRAM (times its own)")
    x, y = (log_axis([value for trace in data for value in trace[axis]]) for axis in "xy")
    return figure(data, "What one change would do", *axes, xaxis=x, yaxis=y)


def _changes(
    name: str, rows: Sequence[NeighbourRow], marker: dict[str, object], here: Surroundings
) -> Scatter:
    known = ["" if row.val_accuracy is None else f": {row.val_accuracy:.1%}" for row in rows]
    return Scatter(
        x=rounded([row.cost.macs / here.cost.macs for row in rows]),
        y=rounded([row.cost.peak_sram_bytes / here.cost.peak_sram_bytes for row in rows]),
        text=[hover(row.change + end) for row, end in zip(rows, known, strict=True)],
        hovertemplate="%{text}<br>MACs x %{x:.3f}<br>peak SRAM x %{y:.3f}<extra></extra>",
        mode="markers",
        name=name,
        marker=marker,
    )


def _words(row: OperatorRow) -> str:
    return f"{row.name}, {row.kind}, {'x'.join(map(str, row.out_shape))}"


def _note(rows: Sequence[OperatorRow], place: int, value: float, text: str) -> dict[str, object]:
    """Words above a value, which run towards the middle."""
    anchor = ("left", "center", "right")[3 * place // len(rows)]
    return {
        "x": place,
        "y": value,
        "text": text,
        "showarrow": False,
        "xanchor": anchor,
        "yanchor": "bottom",
        "font": {"size": 11},
    }


def _over_operators(
    rows: Sequence[OperatorRow],
    most: float,
    notes: list[dict[str, object]],
    lines: list[dict[str, Any]],
) -> dict[str, Any]:
    """Layout with the parts of the network along the axis."""
    places, ends, start = [], [], 0
    for part, group in groupby(rows, key=lambda row: row.part):
        size = len(list(group))
        places.append((start + (size - 1) / 2, part))
        start += size
        ends.append(start - 0.5)
    between = {
        "type": "line",
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"color": GREY, "width": 0.5},
    }
    return {
        "xaxis": {
            "tickvals": [place for place, _ in places],
            "ticktext": [part for _, part in places],
            "tickangle": -90,
            "tickfont": {"size": 11},
            "range": [-0.7, len(rows) - 0.3],
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": {"range": [0, ROOM * most]},
        "annotations": notes,
        "shapes": [*lines, *({**between, "x0": end, "x1": end} for end in ends[:-1])],
    }
