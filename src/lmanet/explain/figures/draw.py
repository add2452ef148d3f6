"""All figures of a report, each only where there is something to show."""

from collections.abc import Callable, Sequence
from functools import partial

from plotly.graph_objects import Figure

from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.importance import Importance
from lmanet.explain.facts.operators import operator_rows
from lmanet.explain.figures import costs, examination, network, search, training
from lmanet.space import estimate_on, staged

Drawings = dict[str, Callable[[], Figure]]


def draw_figures(
    run: RunFiles, setting: Setting, important: Sequence[Importance]
) -> dict[str, Figure]:
    """Name -> figure."""
    drawings = (
        _of_search(run, setting)
        | _of_training(run)
        | _of_network(run, setting)
        | _of_examination(run)
    )
    if important:
        drawings["importances"] = partial(search.importance_dots, important)
    return {name: draw() for name, draw in drawings.items()}


def _of_search(run: RunFiles, setting: Setting) -> Drawings:
    drawings: Drawings = {}
    if run.trials:
        drawings["verdicts"] = partial(search.verdicts, run.trials)
    if any(trial.verdict and trial.verdict.cost for trial in run.trials):
        drawings["proposals"] = partial(costs.proposals, run.trials, setting.target.limits)
    if any(trial.eligible for trial in run.trials):
        steps = search.progress(run.trials, setting.pareto)
        drawings |= {
            "hypervolume_trials": partial(search.over_trials, steps),
            "hypervolume_time": partial(search.over_time, steps),
        }
    if any(trial.proposal.usage.tokens for trial in run.trials):
        drawings["ledger"] = partial(search.tokens, run.trials)
    if any(trial.proposal.rationale and trial.proposal.rationale.claims for trial in run.trials):
        drawings["claims"] = partial(search.claims, run.trials)
    return drawings


def _of_training(run: RunFiles) -> Drawings:
    drawings: Drawings = {}
    if training.has_curves(run):
        drawings["curves"] = partial(training.curves, run)
    for place, deployment in enumerate(run.deployments, start=1):
        drawings[f"float_int8_{place}"] = partial(training.float_int8, deployment, run)
        if deployment.deployed.measurement.kernel_instructions:
            drawings[f"kernels_{place}"] = partial(costs.kernels, deployment)
    return drawings


def _of_network(run: RunFiles, setting: Setting) -> Drawings:
    """Of the best network."""
    if run.best is None or run.best.architecture is None:
        return {}
    best, limits = staged(run.best.architecture), setting.target.limits
    rows = operator_rows(best, setting.num_classes, setting.target.platform)
    allocated = estimate_on(best, setting.num_classes, setting.target.platform).peak_sram_bytes
    drawings: Drawings = {
        "operators": partial(network.macs_by_operator, rows),
        "memory": partial(network.memory_over_time, rows, allocated, limits.get("peak_sram_bytes")),
    }
    if limits:
        drawings["limits"] = partial(costs.limits, best, run.front.trials, setting)
    if any(row.latency_ms for row in rows):
        drawings["latency"] = partial(network.latency_by_call, rows)
    if setting.space.contains(best):
        drawings["neighbours"] = partial(network.neighbours, best, setting, run.trials)
    return drawings


def _of_examination(run: RunFiles) -> Drawings:
    if run.examination is None:
        return {}
    seen = run.examination
    drawings: Drawings = {
        "deletion": partial(examination.deletion, seen.deletion),
        "confusion": partial(examination.confusion, seen),
    }
    if seen.skipped:
        drawings["blocks"] = partial(examination.blocks, seen)
    return drawings
