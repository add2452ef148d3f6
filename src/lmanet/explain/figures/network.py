"""Why the best network is as it is: operators, memory, latency, neighbours, blocks, deletion, confusion."""

from collections.abc import Sequence

from plotly.graph_objects import Bar, Figure, Heatmap, Scatter

from lmanet.explain.contents import Setting
from lmanet.explain.figures.style import BLUE, DASHES, GREEN, GREY, ORANGE, PALETTE, SKY, VERMILION, figure, plain, rounded
from lmanet.explain.neighbours import NeighbourRow, surroundings
from lmanet.explain.operators import OperatorRow, operator_rows
from lmanet.records import Trial
from lmanet.results import Deletion, Examination
from lmanet.space import Architecture

KIB = 1024
MOST_CLASSES = 20


def rows_of(architecture: Architecture, setting: Setting) -> list[OperatorRow]:
    """The operators that these figures show."""
    return operator_rows(architecture, setting.num_classes, setting.target.platform)


def macs_by_operator(rows: Sequence[OperatorRow]) -> Figure:
    """In the order in which they run; a colour a part."""
    parts = list(dict.fromkeys(row.part for row in rows))
    data = [
        Bar(
            x=[row.name for row in rows if row.part == part],
            y=rounded([row.macs / 1e6 for row in rows if row.part == part]),
            name=part,
            marker={"color": PALETTE[place % len(PALETTE)], "pattern": {"shape": "/" if place >= len(PALETTE) else ""}},
            hovertemplate="%{x}: %{y:.3f}M MACs<extra></extra>",
        )
        for place, part in enumerate(parts)
    ]
    return figure(data, "MACs of each operator", "", "MACs (M)", xaxis={"tickangle": -60, "tickfont": {"size": 10}}, height=440)


def memory_over_time(rows: Sequence[OperatorRow], limit: int | None) -> Figure:
    """SRAM in use while each operator runs; what sets the peak bears its name."""
    bars = Bar(
        x=[row.name for row in rows],
        y=rounded([row.sram_bytes / KIB for row in rows]),
        marker={
            "color": [VERMILION if row.is_peak else SKY for row in rows],
            "pattern": {"shape": ["x" if row.is_peak else "" for row in rows]},
        },
        hovertemplate="%{x}: %{y:.1f} KiB<extra></extra>",
        showlegend=False,
    )
    peak = next(row for row in rows if row.is_peak)
    notes = [
        {"x": peak.name, "y": peak.sram_bytes / KIB, "text": f"peak: {peak.name}", "showarrow": True, "arrowhead": 2, "ax": 45, "ay": -28}
    ]
    shapes = []
    if limit:
        line = {"dash": "dash", "color": GREY}
        shapes = [{"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": limit / KIB, "y1": limit / KIB, "line": line}]
        notes.append({"x": 1, "xref": "paper", "y": limit / KIB, "text": "limit", "showarrow": False, "yshift": 9, "xanchor": "right"})
    return figure(
        [bars],
        "SRAM in use while each operator runs",
        "",
        "SRAM (KiB)",
        shapes=shapes,
        annotations=notes,
        xaxis={"tickangle": -60, "tickfont": {"size": 10}},
        height=440,
    )


def latency_by_call(rows: Sequence[OperatorRow]) -> Figure:
    """Estimated milliseconds of each kernel call, as the middle of its range with both ends."""
    calls = [(row.name, row.latency_ms) for row in rows if row.latency_ms]
    middle = [(span.lowest + span.highest) / 2 for _, span in calls]
    bars = Bar(
        x=[name for name, _ in calls],
        y=rounded(middle),
        error_y={"type": "data", "array": rounded([span.highest - mid for (_, span), mid in zip(calls, middle, strict=True)])},
        marker={"color": ORANGE},
        hovertemplate="call that begins with %{x}: about %{y:.2f} ms<extra></extra>",
    )
    layout = {"xaxis": {"tickangle": -60, "tickfont": {"size": 10}}, "height": 440}
    return figure([bars], "Latency of each kernel call, estimated, with its range", "", "latency (ms)", **layout)


def neighbours(architecture: Architecture, setting: Setting, trials: Sequence[Trial]) -> Figure:
    """Change of peak SRAM over change of MACs, of all networks one choice away."""
    here = surroundings(architecture, setting, trials)
    kinds: list[tuple[str, list[NeighbourRow], dict[str, object]]] = [
        (
            "keeps all limits",
            [row for row in here.rows if row.fits and row.val_accuracy is None],
            {"color": BLUE, "symbol": "circle", "size": 8},
        ),
        ("exceeds one", [row for row in here.rows if not row.fits], {"color": VERMILION, "symbol": "x", "size": 8}),
        ("was trained", [row for row in here.rows if row.val_accuracy is not None], {"color": GREEN, "symbol": "star", "size": 13}),
    ]
    data = [
        Scatter(
            x=rounded([100 * (row.cost.macs / here.cost.macs - 1) for row in rows]),
            y=rounded([100 * (row.cost.peak_sram_bytes / here.cost.peak_sram_bytes - 1) for row in rows]),
            text=[plain(row.change + ("" if row.val_accuracy is None else f": {row.val_accuracy:.1%}")) for row in rows],
            hovertemplate="%{text}<br>MACs %{x:+.1f} %, peak SRAM %{y:+.1f} %<extra></extra>",
            mode="markers",
            name=name,
            marker=marker,
        )
        for name, rows, marker in kinds
        if rows
    ]
    return figure(data, "What one change would do", "change of MACs (%)", "change of peak SRAM (%)")


def blocks(seen: Examination) -> Figure:
    """Accuracy that is lost without each block, with its interval."""
    rows = seen.skipped
    bars = Bar(
        x=[row.part for row in rows],
        y=rounded([100 * row.accuracy_loss for row in rows]),
        error_y={
            "type": "data",
            "symmetric": False,
            "array": rounded([100 * (row.high - row.accuracy_loss) for row in rows]),
            "arrayminus": rounded([100 * (row.accuracy_loss - row.low) for row in rows]),
        },
        marker={"color": BLUE},
        text=[row.stand_in for row in rows],
        hovertemplate="without %{x} (%{text}): %{y:.1f} points less<extra></extra>",
    )
    return figure([bars], "Accuracy lost without each block", "block", "points of accuracy lost")


def deletion(found: Deletion) -> Figure:
    """Probability of the predicted class while more and more of the image is deleted."""
    lines = [
        Scatter(
            x=rounded([100 * share for share in found.shares]),
            y=rounded([100 * value for value in values]),
            name=name,
            mode="lines+markers",
            line={"color": PALETTE[place], "dash": DASHES[place], "width": 2.5},
            hovertemplate="%{x:.0f} % deleted: %{y:.1f} %<extra></extra>",
        )
        for place, (name, values) in enumerate((("the most salient cells first", found.gradcam), ("in random order", found.random)))
    ]
    title = f"Deletion: area between {found.area_difference:.3f} ({found.low:.3f} to {found.high:.3f})"
    return figure(lines, title, "share of the image deleted (%)", "probability of the class (%)", yaxis={"rangemode": "tozero"})


def confusion(seen: Examination) -> Figure:
    """Rows true, columns predicted; of many classes those that are confused most."""
    counts, classes = seen.confusion, seen.classes
    wrong = [sum(counts[i]) - counts[i][i] + sum(row[i] for row in counts) - counts[i][i] for i in range(len(classes))]
    kept = sorted(sorted(range(len(classes)), key=lambda i: -wrong[i])[:MOST_CLASSES])
    names = [plain(classes[i]) for i in kept]
    grid = [[counts[i][j] for j in kept] for i in kept]
    shares = [[count / max(sum(counts[i]), 1) * 100 for count in row] for i, row in zip(kept, grid, strict=True)]
    heat = Heatmap(
        z=[rounded(row) for row in shares],
        x=names,
        y=names,
        text=[[str(count) if count else "" for count in row] for row in grid],
        texttemplate="%{text}" if len(kept) <= MOST_CLASSES else None,
        colorscale="Cividis",
        zmin=0,
        zmax=100,
        colorbar={"title": {"text": "share of<br>the row (%)"}, "thickness": 12},
        hovertemplate="%{y} taken for %{x}: %{text} images, %{z:.1f} %<extra></extra>",
    )
    whole = "" if len(kept) == len(classes) else f", the {len(kept)} of {len(classes)} classes that are confused most"
    layout = {"yaxis": {"autorange": "reversed", "type": "category"}, "xaxis": {"type": "category", "tickangle": -45}, "height": 520}
    return figure([heat], f"Confusion on validation images{whole}", "predicted", "true", **layout)
