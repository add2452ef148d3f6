"""A run's files -> all that the report's template asks for: tables by name, and facts for its
sentences.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lmanet.explain.facts import ledger, measured
from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.importance import SEEDS, Importance, importances
from lmanet.explain.tables import rows
from lmanet.explain.tables.network import examination_sheets, network_sheets
from lmanet.explain.tables.origin import origin_sheets
from lmanet.explain.tables.results import (
    STAGE_WORDS,
    board_sheets,
    front_runtime_sheet,
    result_sheets,
)
from lmanet.explain.tables.table import Table
from lmanet.explain.tables.trials import claims_sheet, rules_sheet, search_sheets
from lmanet.network import Architecture
from lmanet.run.notices import nothing_trained, unclear_front
from lmanet.run.records import Trial
from lmanet.run.results import Deployment
from lmanet.space import architecture_id, estimate_on, staged

RUNTIME_WORDS = {
    "c_static": "our generated C",
    "tflm": "TensorFlow Lite Micro with CMSIS-NN on a 32-bit target",
    "plain": "the tensors alone, which no runtime can do without",
}


class Assembled(NamedTuple):
    """What both renderings of the report share.

    Attributes:
        best: architecture of the best network; None where none was trained.
        facts: name -> value, of the template.
    """

    best: Architecture | None
    tables: Mapping[str, Table]
    important: list[Importance]
    facts: Mapping[str, Any]


def assemble(run: RunFiles, setting: Setting) -> Assembled:
    """Everything but pictures."""
    best = staged(run.best.architecture) if run.best and run.best.architecture else None
    origin = _origin(run, best)
    important = importances(run.trials, setting.space)
    compared = measured.front_rows(run, setting.num_classes, setting.target.platform.c_options)
    sheets = [
        *result_sheets(run),
        *search_sheets(run, important),
        front_runtime_sheet(compared),
        *origin_sheets(run),
    ]
    sheets += network_sheets(best, run, setting) if best else []
    sheets += examination_sheets(run.examination) if run.examination else []
    sheets += [claims_sheet(origin, run.trials)] if origin else []
    sheets += [rules_sheet(run.rules.rules, run.trials, setting.space)] if run.rules else []
    for place, deployment in enumerate(run.deployments):
        sheets += board_sheets(deployment, run, setting, place)
    facts = {
        "run": run,
        "doubts": _doubts(run),
        "target": setting.target,
        "runtime": setting.target.platform.runtime,
        "runtime_words": RUNTIME_WORDS[setting.target.platform.runtime],
        "stage_words": STAGE_WORDS,
        "identity": architecture_id,
        "best": run.best,
        "best_stage": "search"
        if isinstance(run.best, Trial)
        else run.best.stage
        if run.best
        else None,
        "cost": estimate_on(best, setting.num_classes, setting.target.platform) if best else None,
        "rationale": origin.proposal.rationale if origin else None,
        "proposer": origin.proposal.proposer if origin else None,
        "stalls": ledger.answers_to_stalls(run.trials),
        "proposers": rows.proposers(run.trials),
        "importance_seeds": SEEDS,
        "boards": [_board(deployment, place) for place, deployment in enumerate(run.deployments)],
        "compared": compared,
        "agreement": measured.agreement(compared),
        "versions": rows.versions(run.trials),
    }
    return Assembled(best, {sheet.name: sheet for sheet in sheets if sheet.rows}, important, facts)


def _doubts(run: RunFiles) -> list[str]:
    """What to be wary of: what was said while the run went on, and what its records say by now."""
    counted = run.examination.images if run.examination else None
    unclear = [notice.text for notice in unclear_front(run.front.trials, counted)]
    untrained = nothing_trained(run.trials) if run.trials else None
    return [*(notice.text for notice in run.notices), *unclear, *([untrained] if untrained else [])]


def _origin(run: RunFiles, best: Architecture | None) -> Trial | None:
    """The trial that proposed the best network, where it says why."""
    if best is None:
        return None
    identity = architecture_id(best)
    return next(
        (trial for trial in run.trials if trial.id == identity and trial.proposal.rationale), None
    )


def _board(deployment: Deployment, place: int) -> dict[str, Any]:
    return {"id": architecture_id(deployment.architecture), "line": deployment, "place": place + 1}
