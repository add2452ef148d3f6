"""Trained networks -> what the page shows of each when it is picked."""

from pathlib import Path

from lmanet.command import command, override
from lmanet.cost import Cost
from lmanet.explain.card import NetworkCard, PartDrawing
from lmanet.explain.facts.contents import Setting
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.rows import fold_ends, part_rows
from lmanet.explain.tables.table import column, shown
from lmanet.network import Architecture
from lmanet.run.quantities import FLASH, LATENCY, MACS, ON_BOARD, PARAMS, SRAM, computed
from lmanet.run.records import Trial
from lmanet.space import staged

NETWORKS = "networks"


def make_cards(facts: Facts, folder: Path) -> list[NetworkCard]:
    """Those of the front first, then the other networks that were trained to the end, in the order
    of their trials.

    Args:
        folder: of the run, as the command that retrains a network names it.
    """
    on_front = {trial.number for trial in facts.run.front.trials}
    return [_card(trial, trial.number in on_front, facts, folder) for trial in facts.trained]


def network_file(folder: Path, trial: Trial) -> Path:
    """Where a network's architecture stands as a file of its own."""
    return folder / NETWORKS / f"{trial.id}.json"


def _card(trial: Trial, on_front: bool, facts: Facts, folder: Path) -> NetworkCard:
    assert trial.architecture is not None and trial.score is not None and trial.verdict is not None
    architecture, cost = staged(trial.architecture), trial.verdict.cost
    assert isinstance(cost, Cost)
    retrain = command(
        f"resume={folder}", "stages=[train]", override("arch", network_file(folder, trial))
    )
    return NetworkCard(
        number=trial.number,
        id=str(trial.id),
        on_front=on_front,
        val_accuracy=trial.score.val_accuracy,
        macs=cost.macs,
        peak_sram_bytes=cost.peak_sram_bytes,
        flash_bytes=cost.flash_bytes,
        params=cost.params,
        costs=_costs(trial, facts.setting),
        parts=_parts(architecture, facts.setting),
        curve=trial.score.curve,
        origin=_origin(trial),
        text=trial.proposal.rationale.text if trial.proposal.rationale else "",
        claims=facts.claims[trial.number],
        architecture=architecture.model_dump_json(),
        retrain=retrain,
    )


def _costs(trial: Trial, setting: Setting) -> list[tuple[str, str, float | None]]:
    known = [
        (*column(each), value)
        for each in (MACS, SRAM, FLASH, PARAMS, LATENCY, ON_BOARD, *computed())
        if (value := trial.value(each)) is not None
    ]
    limits = setting.target.limits
    return _folds(trial) + [
        (title, shown(value, form), value / limits[name] if name in limits else None)
        for name, title, form, value in known
    ]


def _folds(trial: Trial) -> list[tuple[str, str, float | None]]:
    """From the worst fold to the best, where there are several."""
    low, high = fold_ends(trial.score)
    if low is None or high is None:
        return []
    return [("accuracy of its folds", f"{low:.1%} to {high:.1%}", None)]


def _parts(architecture: Architecture, setting: Setting) -> list[PartDrawing]:
    rows = part_rows(architecture, setting.num_classes, setting.target.platform)
    peak = max(row.cost.peak_sram_bytes for row in rows)
    return [
        PartDrawing(
            name=row.cost.name,
            setting=row.setting,
            out_shape=row.cost.out_shape,
            macs=row.cost.macs,
            params=row.cost.params,
            sram_bytes=row.cost.peak_sram_bytes,
            is_peak=row.cost.peak_sram_bytes == peak,
        )
        for row in rows
    ]


def _origin(trial: Trial) -> str:
    """Who proposed it, and how."""
    given = trial.proposal
    words = [f"candidate {trial.number}, proposed by {given.proposer}"]
    words += [f"in the role {given.role}"] if given.role else []
    words += [f"as a change of {given.parent}"] if given.parent else []
    words += [f"asked for {given.niche}"] if given.niche else []
    return ", ".join(words)
