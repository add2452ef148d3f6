"""What networks cost, against what the target allows; and what kernels took."""

from collections.abc import Mapping, Sequence

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.explain.contents import Setting
from lmanet.explain.figures.style import BLUE, GREEN, GREY, ORANGE, VERMILION, figure, plain, rounded
from lmanet.explain.tables import limit_rows
from lmanet.records import Status, Trial
from lmanet.results import Deployment
from lmanet.space import Architecture, Cost, estimate_on

KIB = 1024
LOOKS = {
    Status.TRAINED: ("trained", GREEN, "circle"),
    Status.PAUSED: ("paused", BLUE, "diamond"),
    Status.REJECTED: ("rejected", VERMILION, "x"),
    Status.FAILED: ("failed", ORANGE, "square"),
    Status.TIMED_OUT: ("timed out", ORANGE, "triangle-up"),
}


def limits(best: Architecture, setting: Setting) -> Figure:
    """The best network's share of each limit."""
    rows = limit_rows(estimate_on(best, setting.num_classes, setting.target.platform), setting.target.limits)[::-1]  # the first on top
    bars = Bar(
        x=rounded([100 * row.share for row in rows]),
        y=[row.quantity for row in rows],
        text=[f"{row.given:,} of {row.limit:,}" for row in rows],
        textposition="auto",
        orientation="h",
        marker={"color": [BLUE if row.share <= 1 else VERMILION for row in rows]},
        hovertemplate="%{y}: %{text}, %{x:.1f} %<extra></extra>",
    )
    line = {"type": "line", "x0": 100, "x1": 100, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "color": VERMILION}}
    most = max(110.0, *(105 * row.share for row in rows))
    return figure(
        [bars], "Costs against limits", "share of the limit (%)", "", shapes=[line], xaxis={"range": [0, most]}, height=130 + 45 * len(rows)
    )


def proposals(trials: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Peak SRAM over MACs of every proposal, with the limits as lines."""
    data = []
    for status, (words, colour, symbol) in LOOKS.items():
        found = [(t, t.verdict.cost) for t in trials if t.status is status and t.verdict and isinstance(t.verdict.cost, Cost)]
        if found:
            data.append(
                Scatter(
                    x=rounded([cost.macs / 1e6 for _, cost in found]),
                    y=rounded([cost.peak_sram_bytes / KIB for _, cost in found]),
                    text=[f"candidate {trial.number + 1}, {trial.id}" for trial, _ in found],
                    hovertemplate="%{text}<br>%{x:.2f}M MACs, %{y:.1f} KiB<extra>" + words + "</extra>",
                    mode="markers",
                    name=words,
                    marker={"color": colour, "symbol": symbol, "size": 9},
                )
            )
    shapes = []
    dashes = {"type": "line", "line": {"dash": "dash", "color": GREY}}
    if "macs" in limits:
        shapes.append({**dashes, "x0": limits["macs"] / 1e6, "x1": limits["macs"] / 1e6, "y0": 0, "y1": 1, "yref": "paper"})
    if "peak_sram_bytes" in limits:
        shapes.append(
            {**dashes, "y0": limits["peak_sram_bytes"] / KIB, "y1": limits["peak_sram_bytes"] / KIB, "x0": 0, "x1": 1, "xref": "paper"}
        )
    return figure(
        data,
        "Every proposal, and the limits",
        "MACs (M)",
        "peak SRAM (KiB)",
        shapes=shapes,
        xaxis={"rangemode": "tozero"},
        yaxis={"rangemode": "tozero"},
    )


def kernels(deployment: Deployment) -> Figure:
    """Where the emulated core's instructions went."""
    counted = sorted(deployment.deployed.measurement.kernel_instructions.items(), key=lambda pair: pair[1])
    bars = Bar(
        x=[count / 1e6 for _, count in counted],
        y=[plain(name) for name, _ in counted],
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.3f}M<extra></extra>",
    )
    return figure([bars], "Instructions by kernel, emulated", "instructions of one image (millions)", "", height=130 + 30 * len(counted))
