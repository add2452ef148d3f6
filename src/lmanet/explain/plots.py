"""The report's plots: one function a figure, from a run's records. The only file that imports matplotlib."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter

from lmanet.explain.run_files import RunFiles
from lmanet.explain.tables import reasons
from lmanet.records import Epoch, Status, Trial
from lmanet.space import Architecture, Cost, operators
from lmanet.space.cost import live_bytes, macs
from lmanet.steps import Pareto

# Okabe and Ito's palette, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#8C8C8C"
STATUS_COLOURS = {
    Status.TRAINED: BLUE,
    Status.REJECTED: ORANGE,
    Status.UNPARSABLE: PURPLE,
    Status.FAILED: RED,
    Status.TIMED_OUT: GREY,
}
MILLION, KIB = 1e6, 1024
LABELS = 12  # points of a crowded front that are named
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that is legible at its own size."""
    figure.savefig(path, dpi=110, bbox_inches="tight", facecolor="white")


def front_plot(trials: Sequence[Trial], front: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Validation accuracy over MACs of all trained networks; the colour of the front is its peak SRAM."""
    figure, axes = _figure(8, 4.6)
    numbers = {trial.number for trial in front}
    dominated = [trial for trial in trials if trial.eligible and trial.number not in numbers]
    infeasible = [trial for trial in trials if trial.status is Status.TRAINED and not trial.eligible]
    axes.scatter(_macs(dominated), _accuracies(dominated), s=28, color=GREY, alpha=0.7, label="dominated")
    axes.scatter(_macs(infeasible), _accuracies(infeasible), s=34, color=GREY, marker="x", label="over a limit, never on the front")
    sram = [_cost(trial).peak_sram_bytes / KIB for trial in front]
    top = limits["peak_sram_bytes"] / KIB
    points = axes.scatter(
        _macs(front), _accuracies(front), c=sram, cmap="viridis", vmin=0, vmax=top, s=80, edgecolors="black", zorder=3, label="front"
    )
    for trial in front[:LABELS]:
        place = (_cost(trial).macs / MILLION, _accuracy(trial))
        axes.annotate(f"#{trial.number + 1}", place, xytext=(7, 5), textcoords="offset points", fontsize=9)
    axes.axvline(limits["macs"] / MILLION, color=RED, linestyle="--", label="limit of MACs")
    figure.colorbar(points, ax=axes, label=f"peak SRAM (KiB), up to the limit of {top:.0f}")
    _scale(axes, [*_macs(dominated + infeasible), *_macs(front), limits["macs"] / MILLION])
    axes.set(title="Trained networks", xlabel="MACs (M)", ylabel="validation accuracy (%)")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    axes.legend(loc="lower right", fontsize=9)
    return figure


def proposals_plot(trials: Sequence[Trial], limits: Mapping[str, int]) -> Figure:
    """Peak SRAM over MACs of every proposal in the space: where the proposer looks, and where the limits are."""
    figure, axes = _figure(8, 4.6)
    markers = {Status.TRAINED: "o", Status.REJECTED: "x", Status.FAILED: "v", Status.TIMED_OUT: "^"}
    for status, marker in markers.items():
        shown = [trial for trial in trials if trial.status is status and trial.verdict and trial.verdict.cost]
        if shown:
            sram = [_cost(trial).peak_sram_bytes / KIB for trial in shown]
            axes.scatter(_macs(shown), sram, s=34, color=STATUS_COLOURS[status], marker=marker, label=f"{_words(status)} ({len(shown)})")
    macs_limit, sram_limit = limits["macs"] / MILLION, limits["peak_sram_bytes"] / KIB
    axes.set(xscale="log", yscale="log", title="Proposals against the limits", xlabel="MACs (M)", ylabel="peak SRAM (KiB)")
    _plain_ticks(axes)
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.fill_between([left, macs_limit], bottom, sram_limit, color=GREEN, alpha=0.12, linewidth=0, label="within both limits")
    axes.axvline(macs_limit, color=RED, linestyle="--", linewidth=1)
    axes.axhline(sram_limit, color=RED, linestyle="--", linewidth=1)
    axes.set_xlim(left=left)
    axes.set_ylim(bottom=bottom)
    axes.legend(loc="lower right", fontsize=9)
    return figure


def progress_plot(trials: Sequence[Trial], pareto: Pareto) -> Figure:
    """Best validation accuracy and hypervolume over the trials, in the order in which they ended."""
    best, hypervolume = [0.0], [0.0]
    for count, trial in enumerate(trials, start=1):
        best.append(max(best[-1], _accuracy(trial)) if trial.eligible else best[-1])
        hypervolume.append(pareto.hypervolume(trials[:count]) if trial.eligible else hypervolume[-1])
    figure = Figure(figsize=(8, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    ended = {trial.number: count for count, trial in enumerate(trials, start=1)}
    eligible = [trial for trial in trials if trial.eligible]
    upper.scatter([ended[trial.number] for trial in eligible], _accuracies(eligible), s=22, color=GREY, label="a network within the limits")
    upper.step(range(len(best)), best, where="post", color=BLUE, linewidth=2, label="best so far")
    upper.set(title="Progress of the search", ylabel="validation accuracy (%)")
    upper.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    upper.legend(loc="lower right", fontsize=9)
    lower.step(range(len(hypervolume)), hypervolume, where="post", color=GREEN, linewidth=2)
    lower.set(xlabel="trials, of any status", ylabel="hypervolume (share of 1)")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (upper, lower):
        _quiet(axes)
    return figure


def statuses_plot(trials: Sequence[Trial]) -> Figure:
    """How the trials ended, and which rules were broken."""
    counts = [(_words(status), sum(trial.status is status for trial in trials), colour) for status, colour in STATUS_COLOURS.items()]
    rows = [(row.kind, row.trials, ORANGE) for row in reasons(trials)]
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, bars, title in ((left, counts, "How the trials ended"), (right, rows, "Why not trained (a trial may break several rules)")):
        names, values, colours = zip(*bars, strict=True) if bars else ((), (), ())
        drawn = axes.barh(names, values, color=colours)
        axes.bar_label(drawn, padding=3, fontsize=9)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("trials")
        axes.margins(x=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        _quiet(axes)
    return figure


def curves_plot(run: RunFiles) -> Figure:
    """Validation accuracy by epoch: the front in mini-training, then full training and distillation where they were run."""
    phases = {
        "search (mini-training)": {f"#{trial.number + 1}": trial.score.curve for trial in run.front.trials if trial.score},
        "full training": {str(i): network.score.curve for i, network in enumerate(run.full, start=1)},
        "distillation": {str(i): network.score.curve for i, network in enumerate(run.distilled, start=1)},
    }
    shown = {phase: curves for phase, curves in phases.items() if any(curves.values())}
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown) or 1, sharey=True, squeeze=False)[0]
    for axes, (phase, curves) in zip(panels, shown.items(), strict=False):
        for number, (name, curve) in enumerate(curves.items()):
            _curve(axes, curve, name, leading=number == 0)
        axes.set_title(phase, fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        axes.legend(loc="lower right", fontsize=9)
        _quiet(axes)
    panels[0].set_ylabel("validation accuracy (%)")
    return figure


def network_plot(architecture: Architecture, num_classes: int, limits: Mapping[str, int]) -> Figure:
    """MACs and live bytes of each operator, in the order of execution."""
    graph = operators(architecture, num_classes)
    work = [macs(operator) / MILLION for operator in graph]
    live = [count / KIB for count in live_bytes(graph)]
    peak = live.index(max(live))
    figure = Figure(figsize=(9, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = range(len(graph))
    upper.bar(places, work, color=BLUE, width=0.8)
    upper.set(title="The best network, operator by operator", ylabel="MACs (M)")
    lower.bar(places, live, color=[RED if place == peak else GREEN for place in places], width=0.8)
    lower.axhline(limits["peak_sram_bytes"] / KIB, color=RED, linestyle="--", linewidth=1.5, label="limit")
    lower.annotate(
        f"peak: {live[peak]:.1f} KiB at {graph[peak].name}", (peak, live[peak]), xytext=(8, 3), textcoords="offset points", fontsize=9
    )
    lower.set(ylabel="live int8 tensors (KiB)", xlabel="operators in the order of execution")
    lower.legend(loc="upper right", fontsize=9)
    start, ticks = 0, []
    for part, group in groupby(graph, key=lambda operator: operator.name.partition(".")[0]):
        size = len(list(group))
        ticks.append((start + (size - 1) / 2, part.replace("stage", "stage ")))
        start += size
        for axes in (upper, lower):
            axes.axvline(start - 0.5, color=GREY, linewidth=0.6)
    lower.set_xticks([place for place, _ in ticks], [name for _, name in ticks], fontsize=9)
    for axes in (upper, lower):
        axes.set_xlim(-0.5, len(graph) - 0.5)
        _quiet(axes)
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
    epochs = [epoch.epoch for epoch in curve]
    accuracies = [epoch.val_accuracy for epoch in curve]
    colour, width, order = (BLUE, 2.2, 3) if leading else (GREY, 1.0, 2)
    axes.plot(epochs, accuracies, ".-", color=colour, linewidth=width, zorder=order, label=f"{name}, the best" if leading else None)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    if max(values) > LOG_FROM * min(values):
        axes.set_xscale("log")
        _plain_ticks(axes)


def _plain_ticks(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter())


def _cost(trial: Trial) -> Cost:
    assert trial.verdict is not None and trial.verdict.cost is not None
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
