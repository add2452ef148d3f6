"""All figures of a report, each only where there is something to show."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from plotly.graph_objects import Figure

from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.opening import validation_images
from lmanet.explain.figures import costs, examination, network, search, training
from lmanet.run.results import Examination

Drawings = dict[str, Callable[[], Figure]]
# Of these `report.md` has a picture each; its tables hold what the other figures show.
PICTURES = (
    "hypervolume_trials",
    "verdicts",
    "proposals",
    "curves",
    "operators",
    "memory",
    "kernels",
)


def draw_figures(facts: Facts) -> dict[str, Figure]:
    """Name -> figure of the page."""
    drawings = _of_search(facts) | _of_training(facts)
    if facts.best:
        drawings |= _of_network(facts.best, facts)
    if facts.run.examination:
        drawings |= _of_examination(facts.run.examination)
    if facts.importances:
        drawings["importances"] = partial(search.importance_dots, facts.importances)
    return {name: draw() for name, draw in drawings.items()}


def draw_pictures(facts: Facts, figures: Mapping[str, Figure], folder: Path) -> set[str]:
    """Write those of `report.md`: some of the page's figures, and the front in place of its
    explorer; gives their names.
    """
    from lmanet.explain.figures.png import save_png  # matplotlib takes a second to import

    chosen = {name: figures[name] for name in figures if name.rstrip("_0123456789") in PICTURES}
    if facts.run.front.trials:
        limits = facts.setting.target.limits
        chosen["front"] = costs.front(facts.run.trials, facts.run.front.trials, limits)
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for name, figure in chosen.items():
        save_png(figure, folder / f"{name}.png")
    return set(chosen)


def _of_search(facts: Facts) -> Drawings:
    run, drawings = facts.run, Drawings()
    if run.trials:
        drawings["verdicts"] = partial(search.verdicts, run.trials)
    if any(trial.verdict and trial.verdict.cost for trial in run.trials):
        drawings["proposals"] = partial(costs.proposals, run.trials, facts.setting.target.limits)
    if facts.steps:
        drawings |= {
            "hypervolume_trials": partial(search.over_trials, facts.steps),
            "hypervolume_time": partial(search.over_time, facts.steps),
        }
    if any(trial.proposal.usage.tokens for trial in run.trials):
        drawings["ledger"] = partial(search.tokens, run.trials)
    if facts.rates:
        drawings["claims"] = partial(search.claims, facts.rates)
    return drawings


def _of_training(facts: Facts) -> Drawings:
    drawings, images = Drawings(), validation_images(facts.run)
    if training.has_curves(facts.run):
        drawings["curves"] = partial(training.curves, facts.run)
    for deployed in facts.deployed:
        place, line = deployed.place, deployed.line
        drawings[f"float_int8_{place}"] = partial(training.float_int8, deployed, images)
        if line.deployed.measurement.kernel_instructions:
            drawings[f"kernels_{place}"] = partial(costs.kernels, line)
    return drawings


def _of_network(best: BestNetwork, facts: Facts) -> Drawings:
    limits, rows = facts.setting.target.limits, best.operators
    limit, allocated = limits.get("peak_sram_bytes"), best.cost.peak_sram_bytes
    drawings: Drawings = {
        "operators": partial(network.macs_by_operator, rows),
        "memory": partial(network.memory_over_time, rows, allocated, limit),
    }
    if limits:
        drawings["limits"] = partial(costs.limits, best, facts.run.front.trials, limits)
    if any(row.latency_ms for row in rows):
        drawings["latency"] = partial(network.latency_by_call, rows)
    if best.around:
        drawings["neighbours"] = partial(network.neighbours, best.around)
    return drawings


def _of_examination(seen: Examination) -> Drawings:
    drawings: Drawings = {
        "deletion": partial(examination.deletion, seen.deletion),
        "confusion": partial(examination.confusion, seen),
    }
    if seen.skipped:
        drawings["blocks"] = partial(examination.blocks, seen)
    return drawings
