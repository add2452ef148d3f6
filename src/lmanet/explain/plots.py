"""The report's plots: one function a figure, from a run's records. The only file that imports
matplotlib.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from lmanet.cost import Cost, Runtime
from lmanet.cost.estimate import macs
from lmanet.cost.memory import Memory
from lmanet.explain.facts.contents import RunFiles
from lmanet.explain.facts.rows import reasons
from lmanet.network import Operator
from lmanet.run.folder import ranked
from lmanet.run.records import Epoch, Status, Trial
from lmanet.run.results import Deployed
from lmanet.space import architecture_id
from lmanet.steps import Pareto

# Okabe and Ito's palette, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#8C8C8C",
)
STATUS_COLOURS = {
    Status.TRAINED: BLUE,
    Status.PAUSED: GREEN,
    Status.REJECTED: ORANGE,
    Status.UNPARSABLE: PURPLE,
    Status.FAILED: RED,
    Status.TIMED_OUT: GREY,
}
KERNEL_WORDS = {
    "rows": "rows: depthwise, fused with\nexpansion and projection",
    "pixels": "pixels: convolution, fused with\nprojection and sum",
    "conv": "conv: all other\nconvolutions, linear",
    "mean": "mean: global pool, SE",
    "scale": "scale: SE's product",
    "add": "add: skip connection",
}
MILLION, KIB = 1e6, 1024
CROWDED = 24  # pixels below which two points are too near for both to be named
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that is legible at its own size."""
    figure.savefig(path, dpi=110, bbox_inches="tight", facecolor="white")


def front_plot(
    trials: Sequence[Trial], front: Sequence[Trial], limits: Mapping[str, int]
) -> Figure:
    """Validation accuracy over MACs of all trained networks; the colour of the front is its peak
    SRAM.
    """
    figure, axes = _figure(8, 4.6)
    numbers = {trial.number for trial in front}
    dominated = [trial for trial in trials if trial.eligible and trial.number not in numbers]
    infeasible = [
        trial for trial in trials if trial.status is Status.TRAINED and not trial.eligible
    ]
    for shown, marker, label in (
        (dominated, "o", "dominated"),
        (infeasible, "x", "over a limit, so never on the front"),
    ):
        if shown:
            axes.scatter(
                _macs(shown),
                _accuracies(shown),
                s=30,
                color=GREY,
                alpha=0.8,
                marker=marker,
                label=label,
            )
    sram = [_cost(trial).peak_sram_bytes / KIB for trial in front]
    limit = limits.get("peak_sram_bytes")
    top = limit / KIB if limit else max(sram)
    points = axes.scatter(
        _macs(front),
        _accuracies(front),
        c=sram,
        cmap="viridis",
        vmin=0,
        vmax=top,
        s=80,
        edgecolors="black",
        zorder=3,
        label="front",
    )
    most_macs = [limits["macs"] / MILLION] if "macs" in limits else []
    for most in most_macs:
        axes.axvline(most, color=RED, linestyle="--", label="limit of MACs")
    figure.colorbar(
        points,
        ax=axes,
        label=f"peak SRAM (KiB), up to the limit of {top:.0f}" if limit else "peak SRAM (KiB)",
    )
    _scale(axes, [*_macs(dominated + infeasible), *_macs(front), *most_macs])
    axes.set(title="Trained networks", xlabel="MACs (M)", ylabel="validation accuracy (%)")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=""))
    axes.legend(loc="lower right", fontsize=9)
    axes.margins(x=0.08)
    _name_points(axes, front)
    return figure


def proposals_plot(trials: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Peak SRAM over MACs of every proposal in the space: where the proposer looks, and where the
    limits are.
    """
    figure, axes = _figure(8, 4.6)
    markers = {
        Status.TRAINED: "o",
        Status.PAUSED: "s",
        Status.REJECTED: "x",
        Status.FAILED: "v",
        Status.TIMED_OUT: "^",
    }
    for status, marker in markers.items():
        shown = [
            trial
            for trial in trials
            if trial.status is status and trial.verdict and trial.verdict.cost
        ]
        if shown:
            sram = [_cost(trial).peak_sram_bytes / KIB for trial in shown]
            axes.scatter(
                _macs(shown),
                sram,
                s=34,
                color=STATUS_COLOURS[status],
                marker=marker,
                label=f"{_words(status)} ({len(shown)})",
            )
    title = "Proposals against the limits" if limits else "Proposals"
    axes.set(xscale="log", yscale="log", title=title, xlabel="MACs (M)", ylabel="peak SRAM (KiB)")
    _plain_ticks(axes)
    _draw_limits(axes, limits)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", fontsize=9)
    return figure


def _draw_limits(axes: Axes, limits: Mapping[str, int]) -> None:
    """The limits of MACs and SRAM as lines, and what lies within both; a
    target may have neither.
    """
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    most_macs, most_sram = limits.get("macs", 0) / MILLION, limits.get("peak_sram_bytes", 0) / KIB
    if most_macs and most_sram:
        axes.fill_between(
            [left, most_macs],
            bottom,
            most_sram,
            color=GREEN,
            alpha=0.12,
            linewidth=0,
            label="within both limits",
        )
    if most_macs:
        axes.axvline(most_macs, color=RED, linestyle="--", linewidth=1, label="limit")
    if most_sram:
        axes.axhline(most_sram, color=RED, linestyle="--", linewidth=1)
    axes.set_xlim(left=left)
    axes.set_ylim(bottom=bottom)


def progress_plot(trials: Sequence[Trial], pareto: Pareto) -> Figure:
    """Best validation accuracy and hypervolume over the trials, in the order
    in which they ended.
    """
    best, hypervolume = [math.nan], [0.0]  # there is no best before the first
    for count, trial in enumerate(trials, start=1):
        best.append(float(np.fmax(best[-1], _accuracy(trial))) if trial.eligible else best[-1])
        hypervolume.append(
            pareto.hypervolume(trials[:count]) if trial.eligible else hypervolume[-1]
        )
    figure = Figure(figsize=(8, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    ended = {trial.number: count for count, trial in enumerate(trials, start=1)}
    eligible = [trial for trial in trials if trial.eligible]
    upper.scatter(
        [ended[trial.number] for trial in eligible],
        _accuracies(eligible),
        s=22,
        color=GREY,
        label="a network within the limits",
    )
    upper.step(range(len(best)), best, where="post", color=BLUE, linewidth=2, label="best so far")
    upper.set(title="Progress of the search", ylabel="validation accuracy (%)")
    upper.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=""))
    upper.legend(loc="best", fontsize=9)
    lower.step(range(len(hypervolume)), hypervolume, where="post", color=GREEN, linewidth=2)
    lower.set(xlabel="trials, of any status", ylabel="hypervolume (share of 1)")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (upper, lower):
        _quiet(axes)
    return figure


def statuses_plot(trials: Sequence[Trial]) -> Figure:
    """How the trials ended, and which rules were broken."""
    counts = [
        (_words(status), sum(trial.status is status for trial in trials), colour)
        for status, colour in STATUS_COLOURS.items()
    ]
    rows = [(row.kind, row.trials, ORANGE) for row in reasons(trials)]
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, bars, title in (
        (left, counts, "How the trials ended"),
        (right, rows, "Rules broken, and failures"),
    ):
        names, values, colours = zip(*bars, strict=True) if bars else ((), (), ())
        drawn = axes.barh(names, values, color=colours)
        axes.bar_label(drawn, padding=3, fontsize=9)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("trials" if axes is left else "trials (one may break several rules)")
        axes.margins(x=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        _quiet(axes)
    return figure


def curves_plot(run: RunFiles) -> Figure:
    """Validation accuracy by epoch: the front in mini-training, then full training and distillation
    where they were run.
    """
    phases = {  # in each the best first
        "search (mini-training)": {
            f"#{trial.number}": trial.score.curve for trial in run.front.trials if trial.score
        },
        "full training": {
            architecture_id(network.architecture): network.score.curve
            for network in ranked(run.full)
        },
        "distillation": {
            architecture_id(network.architecture): network.score.curve
            for network in ranked(run.distilled)
        },
    }
    shown = {phase: curves for phase, curves in phases.items() if any(curves.values())}
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (phase, curves) in zip(panels, shown.items(), strict=True):
        best = next(name for name in curves if curves[name])
        for name, curve in curves.items():
            _curve(axes, curve, name, leading=name == best)
        axes.set_title(phase, fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=""))
        axes.legend(loc="lower right", fontsize=9)
        _quiet(axes)
    panels[0].set_ylabel("validation accuracy (%)")
    return figure


def network_plot(
    graph: Sequence[Operator], runtime: Runtime, sram: Memory, limits: Mapping[str, int]
) -> Figure:
    """MACs of each operator, and the SRAM in use under a runtime while it runs, in the order of
    execution.
    """
    work = [macs(operator) / MILLION for operator in graph]
    used, peak = [count / KIB for count in sram.operator_bytes], sram.peak_index
    figure = Figure(figsize=(9, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = range(len(graph))
    upper.bar(places, work, color=BLUE, width=0.8)
    upper.set(title="The best network, operator by operator", ylabel="MACs (M)")
    lower.bar(places, used, color=[RED if place == peak else GREEN for place in places], width=0.8)
    if limit := limits.get("peak_sram_bytes", 0) / KIB:
        place = (len(graph) - 1, limit)
        lower.axhline(limit, color=RED, linestyle="--", linewidth=1.5)
        lower.annotate(
            f"limit: {limit:.1f} KiB",
            place,
            xytext=(0, -12),
            textcoords="offset points",
            fontsize=9,
            ha="right",
        )
    left_half = peak < len(graph) / 2  # the words go towards the middle
    lower.annotate(
        f"peak: {used[peak]:.1f} KiB at {graph[peak].name}",
        (peak, used[peak]),
        xytext=(8 if left_half else -8, 3),
        textcoords="offset points",
        fontsize=9,
        ha="left" if left_half else "right",
    )
    lower.set(ylabel=f"SRAM in use, {runtime} (KiB)", xlabel="operators in the order of execution")
    start, ticks = 0, []
    for part, group in groupby(graph, key=lambda operator: operator.name.partition(".")[0]):
        size = len(list(group))
        ticks.append((start + (size - 1) / 2, part.replace("stage", "stage ")))
        start += size
        for axes in (upper, lower):
            axes.axvline(start - 0.5, color=GREY, linewidth=0.6)
    lower.set_xticks(
        [place for place, _ in ticks],
        [name for _, name in ticks],
        fontsize=9,
        rotation=35,
        ha="right",
        rotation_mode="anchor",
    )
    for axes in (upper, lower):
        axes.set_xlim(-0.5, len(graph) - 0.5)
        _quiet(axes)
    return figure


def kernels_plot(deployed: Deployed) -> Figure:
    """Instructions of one inference by kernel of the generated C, the most first."""
    kernels = sorted(deployed.measurement.kernel_instructions.items(), key=lambda item: -item[1])
    total = deployed.measurement.measured_instructions
    figure, axes = _figure(8, 1 + 0.4 * len(kernels))
    bars = axes.barh(
        [KERNEL_WORDS.get(name, name) for name, _ in kernels],
        [count / MILLION for _, count in kernels],
        color=BLUE,
    )
    axes.bar_label(bars, [f"{count / total:.1%}" for _, count in kernels], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(
        title=f"{total / MILLION:,.2f}M instructions, {total / deployed.cost.macs:.2f} a MAC",
        xlabel="instructions of one inference (M)",
    )
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _quiet(axes)
    return figure, axes


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def _curve(axes: Axes, curve: Sequence[Epoch], name: str, leading: bool) -> None:
    epochs = [epoch.epoch + 1 for epoch in curve]
    accuracies = [epoch.val_accuracy for epoch in curve]
    colour, width, order = (BLUE, 2.2, 3) if leading else (GREY, 1.0, 2)
    axes.plot(
        epochs,
        accuracies,
        ".-",
        color=colour,
        linewidth=width,
        zorder=order,
        label=f"{name}, the best" if leading else None,
    )


def _scale(axes: Axes, values: Sequence[float]) -> None:
    if max(values) > LOG_FROM * min(values):
        axes.set_xscale("log")
        _plain_ticks(axes)


def _plain_ticks(axes: Axes) -> None:
    """Logarithmic axes with 1, 2, 5, 10 and so on written out."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())


def _name_points(axes: Axes, front: Sequence[Trial]) -> None:
    """Write candidate numbers beside the points, the most accurate first,
    wherever there is room.
    """
    named: list[tuple[float, float]] = []
    for trial in front:
        place = (_cost(trial).macs / MILLION, _accuracy(trial))
        pixels = tuple(axes.transData.transform(place))
        if all(math.dist(pixels, other) > CROWDED for other in named):
            axes.annotate(
                f"#{trial.number}",
                place,
                xytext=(-8, 6),
                textcoords="offset points",
                fontsize=9,
                ha="right",
            )
            named.append((pixels[0], pixels[1]))


def _cost(trial: Trial) -> Cost:
    assert trial.verdict is not None and isinstance(trial.verdict.cost, Cost)
    return trial.verdict.cost


def _accuracy(trial: Trial) -> float:
    assert trial.score is not None
    return trial.score.val_accuracy


def _macs(trials: Sequence[Trial]) -> list[float]:
    return [_cost(trial).macs / MILLION for trial in trials]


def _accuracies(trials: Sequence[Trial]) -> list[float]:
    return [_accuracy(trial) for trial in trials]


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
