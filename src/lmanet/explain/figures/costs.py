"""What networks cost, against what the target allows; and what kernels took."""

from collections.abc import Mapping, Sequence

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.cost import Cost
from lmanet.explain.cards import SHOWN
from lmanet.explain.facts.contents import Setting
from lmanet.explain.facts.filters import KIB
from lmanet.explain.figures.style import (
    BLUE,
    LOOKS,
    ORANGE,
    VERMILION,
    figure,
    limit_line,
    log_axis,
    plain,
    rounded,
    words,
)
from lmanet.explain.facts.rows import limit_rows
from lmanet.explain.tables.table import shown
from lmanet.network import Architecture
from lmanet.run.records import Trial
from lmanet.run.results import Deployment
from lmanet.space import architecture_id, estimate_on


def limits(best: Architecture, front: Sequence[Trial], setting: Setting) -> Figure:
    """The best network's share of each limit, and that of all others on the front."""
    known = {name: (title, form) for name, title, form in SHOWN}
    rows = limit_rows(
        estimate_on(best, setting.num_classes, setting.target.platform), setting.target.limits
    )
    named = [(row, *known[row.quantity]) for row in rows]
    names = [
        f"{title}<br>{shown(row.given, form)} of {shown(row.limit, form)}"
        for row, title, form in named
    ]
    bars = Bar(
        x=rounded([100 * row.share for row in rows]),
        y=names,
        name="the best network",
        orientation="h",
        marker={"color": [BLUE if row.share <= 1 else VERMILION for row in rows]},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    others = [
        (trial.id, cost) for trial, cost in _costs(front) if trial.id != architecture_id(best)
    ]
    points = [
        (name, row.share, other)
        for other, cost in others
        for name, row in zip(names, limit_rows(cost, setting.target.limits), strict=True)
    ]
    dots = Scatter(
        x=rounded([100 * share for _, share, _ in points]),
        y=[name for name, _, _ in points],
        text=[other for _, _, other in points],
        name="others of the front",
        mode="markers",
        marker={"color": ORANGE, "symbol": "diamond-open", "size": 9, "line": {"width": 2}},
        hovertemplate="%{text}: %{x:.1f} %<extra></extra>",
    )
    most = max(110.0, *(105 * row.share for row in rows))
    layout = {
        "xaxis": {"range": [0, most]},
        "yaxis": {"autorange": "reversed"},
        "height": 130 + 52 * len(rows),
    }
    shapes = [limit_line("x", 100, "")]
    return figure(
        [bars, dots] if points else [bars],
        "Costs against limits",
        "share of the limit (%)",
        "",
        shapes=shapes,
        **layout,
    )


def proposals(trials: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Peak SRAM over MACs of every proposal, with the limits as lines."""
    data = []
    for status, look in LOOKS.items():
        found = [(trial, cost) for trial, cost in _costs(trials) if trial.status is status]
        if found:
            data.append(
                Scatter(
                    x=rounded([cost.macs / 1e6 for _, cost in found]),
                    y=rounded([cost.peak_sram_bytes / KIB for _, cost in found]),
                    text=[f"candidate {trial.number}, {trial.id}" for trial, _ in found],
                    hovertemplate="%{text}<br>%{x:.2f}M MACs, %{y:.1f} KiB<extra></extra>",
                    mode="markers",
                    name=words(status),
                    marker=look.marker,
                )
            )
    shapes, ranges = [], {axis: [value for trace in data for value in trace[axis]] for axis in "xy"}
    if "macs" in limits:
        ranges["x"].append(limits["macs"] / 1e6)
        shapes.append(limit_line("x", limits["macs"] / 1e6, f"{limits['macs'] / 1e6:g}M"))
    if "peak_sram_bytes" in limits:
        ranges["y"].append(limits["peak_sram_bytes"] / KIB)
        shapes.append(
            limit_line(
                "y",
                limits["peak_sram_bytes"] / KIB,
                f"{limits['peak_sram_bytes'] / KIB:.1f} KiB",
                "start",
            )
        )
    title = "Every proposal, and the limits"
    return figure(
        data,
        title,
        "MACs (M)",
        "peak SRAM (KiB)",
        shapes=shapes,
        xaxis=log_axis(ranges["x"]),
        yaxis=log_axis(ranges["y"]),
        height=420,
    )


def kernels(deployment: Deployment) -> Figure:
    """Where the emulated core's instructions went, the most at the top."""
    found = deployment.deployed.measurement
    counted = sorted(found.kernel_instructions.items(), key=lambda pair: -pair[1])
    bars = Bar(
        x=rounded([count / 1e6 for _, count in counted]),
        y=[plain(name) for name, _ in counted],
        text=[f"{count / found.measured_instructions:.1%}" for _, count in counted],
        textposition="auto",
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.3f}M, %{text}<extra></extra>",
    )
    layout = {"yaxis": {"autorange": "reversed"}, "height": 110 + 30 * len(counted)}
    title = f"Instructions by kernel, measured by {plain(found.emulator)}"
    return figure([bars], title, "instructions of one image (M)", "", **layout)


def _costs(trials: Sequence[Trial]) -> list[tuple[Trial, Cost]]:
    """Trials of which one is known."""
    return [
        (trial, trial.verdict.cost)
        for trial in trials
        if trial.verdict and isinstance(trial.verdict.cost, Cost)
    ]
