"""What networks cost, against what the target allows; and what kernels took."""

from collections.abc import Mapping, Sequence
from typing import Any

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.cost import Cost
from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.facts.filters import KIB
from lmanet.explain.facts.rows import limit_rows
from lmanet.explain.figures.style import (
    BLUE,
    GREY,
    LOOKS,
    ORANGE,
    VERMILION,
    Look,
    figure,
    limit_line,
    log_axis,
    plain,
    rounded,
    words,
)
from lmanet.explain.tables.table import column, shown
from lmanet.run.quantities import MACS, SRAM, described
from lmanet.run.records import Status, Trial
from lmanet.run.results import Deployment

KERNEL_WORDS = {
    "rows": "depthwise, fused with its neighbours",
    "pixels": "convolution, fused with projection",
    "conv": "other convolutions, linear",
    "mean": "global pool, SE",
    "scale": "product of SE",
    "add": "skip connection",
}
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic


def front(trials: Sequence[Trial], front: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Validation accuracy over MACs of all trained networks."""
    numbers = {trial.number for trial in front}
    others = [trial for trial in trials if trial.score and trial.number not in numbers]
    groups = (
        ("dominated", [t for t in others if t.eligible], Look(GREY, "circle-open")),
        (
            "over a limit",
            [t for t in others if t.status is Status.TRAINED and not t.eligible],
            Look(VERMILION, "x"),
        ),
        ("front", list(front), Look(BLUE, "circle")),
    )
    data = [_accuracies(name, _costs(found), look) for name, found, look in groups if found]
    work = [value for trace in data for value in trace["x"]]
    shapes = []
    if most := limits.get("macs", 0) / 1e6:
        work.append(most)
        shapes.append(limit_line("x", most, f"{most:g}M"))
    axis = log_axis(work) if max(work) > LOG_FROM * min(work) else {"rangemode": "tozero"}
    axes = (MACS.head, "validation accuracy (%)")
    return figure(data, "Trained networks", *axes, shapes=shapes, xaxis=axis, height=420)


def _accuracies(name: str, found: Sequence[tuple[Trial, Cost]], look: Look) -> Scatter:
    scores = [trial.score.val_accuracy for trial, _ in found if trial.score]
    return Scatter(
        x=rounded([cost.macs / 1e6 for _, cost in found]),
        y=rounded([100 * score for score in scores]),
        text=[f"#{trial.number}" for trial, _ in found],
        mode="markers+text" if name == "front" else "markers",
        textposition="top left",
        name=name,
        marker=look.marker,
    )


def limits(best: BestNetwork, front: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """The best network's share of each limit, and that of all others on the front."""
    names = []
    for row in best.limits:
        _, title, form = column(described(row.quantity))
        names.append(f"{title}<br>{shown(row.given, form)} of {shown(row.limit, form)}")
    bars = Bar(
        x=rounded([100 * row.share for row in best.limits]),
        y=names,
        name="the best network",
        orientation="h",
        marker={"color": [BLUE if row.share <= 1 else VERMILION for row in best.limits]},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    points = [
        (name, row.share, str(trial.id))
        for trial, cost in _costs(front)
        if trial.id != best.id
        for name, row in zip(names, limit_rows(cost, limits), strict=True)
    ]
    layout: dict[str, Any] = {
        "xaxis": {"range": [0, max(110.0, *(105 * row.share for row in best.limits))]},
        "yaxis": {"autorange": "reversed"},
        "height": 130 + 52 * len(names),
    }
    data = [bars, _others(points)] if points else [bars]
    axes = ("share of the limit (%)", "")
    return figure(data, "Costs against limits", *axes, shapes=[limit_line("x", 100, "")], **layout)


def _others(points: Sequence[tuple[str, float, str]]) -> Scatter:
    """(limit, share of it, network) of the rest of the front."""
    return Scatter(
        x=rounded([100 * share for _, share, _ in points]),
        y=[name for name, _, _ in points],
        text=[other for _, _, other in points],
        name="others of the front",
        mode="markers",
        marker={"color": ORANGE, "symbol": "diamond-open", "size": 9, "line": {"width": 2}},
        hovertemplate="%{text}: %{x:.1f} %<extra></extra>",
    )


def proposals(trials: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Peak SRAM over MACs of every proposal, with the limits as lines."""
    known = _costs(trials)
    found = {
        status: [(trial, cost) for trial, cost in known if trial.status is status]
        for status in LOOKS
    }
    data = [
        Scatter(
            x=rounded([cost.macs / 1e6 for _, cost in points]),
            y=rounded([cost.peak_sram_bytes / KIB for _, cost in points]),
            text=[f"candidate {trial.number}, {trial.id}" for trial, _ in points],
            hovertemplate="%{text}<br>%{x:.2f}M MACs, %{y:.1f} KiB<extra></extra>",
            mode="markers",
            name=words(status),
            marker=LOOKS[status].marker,
        )
        for status, points in found.items()
        if points
    ]
    work = [cost.macs / 1e6 for _, cost in known]
    sram = [cost.peak_sram_bytes / KIB for _, cost in known]
    shapes = []
    if most := limits.get("macs", 0) / 1e6:
        work.append(most)
        shapes.append(limit_line("x", most, f"{most:g}M"))
    if most := limits.get("peak_sram_bytes", 0) / KIB:
        sram.append(most)
        shapes.append(limit_line("y", most, f"{most:.1f} KiB", "start"))
    layout: dict[str, Any] = {
        "xaxis": log_axis(work),
        "yaxis": log_axis(sram),
        "shapes": shapes,
        "height": 420,
    }
    title = "Every proposal, and the limits"
    return figure(data, title, MACS.head, SRAM.head, **layout)


def kernels(deployment: Deployment) -> Figure:
    """Where the emulated core's instructions went, the most at the top."""
    found = deployment.deployed.measurement
    counted = sorted(found.kernel_instructions.items(), key=lambda pair: -pair[1])
    bars = Bar(
        x=rounded([count / 1e6 for _, count in counted]),
        y=[_kernel(name) for name, _ in counted],
        text=[f"{count / found.measured_instructions:.1%}" for _, count in counted],
        textposition="auto",
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.3f}M, %{text}<extra></extra>",
    )
    layout = {"yaxis": {"autorange": "reversed"}, "height": 110 + 38 * len(counted)}
    title = f"Instructions by kernel, measured by {plain(found.emulator)}"
    return figure([bars], title, "instructions of one image (M)", "", **layout)


def _kernel(name: str) -> str:
    """Its name, and what it computes."""
    known = KERNEL_WORDS.get(name)
    return f"{plain(name)}<br>{known}" if known else plain(name)


def _costs(trials: Sequence[Trial]) -> list[tuple[Trial, Cost]]:
    """Trials of which one is known."""
    return [
        (trial, trial.verdict.cost)
        for trial in trials
        if trial.verdict and isinstance(trial.verdict.cost, Cost)
    ]
