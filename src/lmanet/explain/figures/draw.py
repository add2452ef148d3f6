"""All figures of a report, each only where there is something to show."""

from collections.abc import Callable, Sequence

from plotly.graph_objects import Figure

from lmanet.explain.contents import RunFiles, Setting
from lmanet.explain.figures import costs, network, search, training
from lmanet.explain.importance import Importance
from lmanet.space import CellSpace, staged


def draw_figures(run: RunFiles, setting: Setting, important: Sequence[Importance]) -> dict[str, Figure]:
    """Name -> figure."""
    drawings: dict[str, Callable[[], Figure]] = {}
    if run.trials:
        drawings |= {
            "verdicts": lambda: search.verdicts(run.trials),
            "proposals": lambda: costs.proposals(run.trials, setting.target.limits),
        }
    if run.front.trials:
        known = search.progress(run.trials, setting.pareto)
        drawings |= {"hypervolume_trials": lambda: search.over_trials(known), "hypervolume_time": lambda: search.over_time(known)}
    if any(trial.proposal.usage.tokens for trial in run.trials):
        drawings["ledger"] = lambda: search.tokens(run.trials)
    if any(trial.proposal.rationale and trial.proposal.rationale.claims for trial in run.trials):
        drawings["claims"] = lambda: search.claims(run.trials)
    if important:
        drawings["importances"] = lambda: search.importance_bars(important)
    if training.has_curves(run):
        drawings["curves"] = lambda: training.curves(run)
    for place, deployment in enumerate(run.deployments, start=1):
        drawings[f"float_int8_{place}"] = lambda deployment=deployment: training.float_int8(deployment, run)  # type: ignore[misc]
        drawings[f"kernels_{place}"] = lambda deployment=deployment: costs.kernels(deployment)  # type: ignore[misc]
    drawings |= _of_network(run, setting)
    return {name: draw() for name, draw in drawings.items()}


def _of_network(run: RunFiles, setting: Setting) -> dict[str, Callable[[], Figure]]:
    """Figures on the best network."""
    drawings: dict[str, Callable[[], Figure]] = {}
    if run.best and run.best.architecture:
        best = staged(run.best.architecture)
        rows = network.rows_of(best, setting)
        drawings |= {
            "limits": lambda: costs.limits(best, setting),
            "operators": lambda: network.macs_by_operator(rows),
            "memory": lambda: network.memory_over_time(rows, setting.target.limits.get("peak_sram_bytes")),
        }
        if any(row.latency_ms for row in rows):
            drawings["latency"] = lambda: network.latency_by_call(rows)
        if not isinstance(setting.space, CellSpace) and setting.space.contains(best):
            drawings["neighbours"] = lambda: network.neighbours(best, setting, run.trials)
    if seen := run.examination:
        drawings |= {
            "blocks": lambda: network.blocks(seen),
            "deletion": lambda: network.deletion(seen.deletion),
            "confusion": lambda: network.confusion(seen),
        }
    return drawings
