"""Runs of the comparison of language models: what is missing is run, and what a run says."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_ways import CHECKPOINTS, START, Way

from lmanet.claims.rates import ALL, rates
from lmanet.errors import LmanetError
from lmanet.run.folder import HISTORY
from lmanet.run.lines import read_records
from lmanet.run.records import Status, Trial, Usage

ROOT = Path(__file__).parents[1]
Runs = dict[int, list[Trial]]


class StoppedError(LmanetError):
    """A search ended with an error, which it has said."""


def run_all(
    folder: Path,
    overrides: Sequence[str],
    seeds: Sequence[int],
    networks: int,
    reached: Sequence[str] | None,
) -> Runs:
    """Seed -> the trials of its run; what has ended is not run again.

    Args:
        reached: overrides by which a run that goes on reaches the model. None where there is none:
            then all new seeds share a process, as most of such a search is its start. A model has a
            process a seed, and each its own server.
    """
    new = []
    for seed in seeds:
        place = folder / str(seed)
        if not (place / HISTORY).is_file():
            new.append(seed)
        elif trained(history(place)) < networks:
            start(f"resume={place}", f"budget.trained={networks}", *(reached or ()))
    parts = [new] if reached is None else [[seed] for seed in new]
    for part in filter(None, parts):
        where = [f"hydra.sweep.dir={folder}", "hydra.sweep.subdir=${seed}", "~track.progress"]
        chosen = [f"seed={','.join(map(str, part))}", f"budget.trained={networks}"]
        start("-m", *overrides, *chosen, *where)
    return {seed: history(folder / str(seed)) for seed in seeds}


def start(*command: str) -> None:
    """The program, to its end.

    Raises:
        StoppedError: it ended with an error.
    """
    done = subprocess.run([sys.executable, str(ROOT / "run.py"), *command], check=False)
    if done.returncode:
        raise StoppedError(f"a search ended with the error above (exit status {done.returncode})")


def history(folder: Path) -> list[Trial]:
    """The trials of a run in the order in which they ended; none where there is no run."""
    path = folder / HISTORY
    return list(read_records(path, Trial)) if path.is_file() else []


def trained(trials: Sequence[Trial]) -> int:
    """Networks trained."""
    return sum(trial.status is Status.TRAINED for trial in trials)


def summary(runs: Mapping[int, Sequence[Trial]], networks: int, way: Way | None) -> dict[str, Any]:
    """What the file holds of a way: the best accuracy by seed, and what a proposal takes.

    Args:
        networks: trained in each run; a run of an earlier command may have more.
        way: None of a control.
    """
    proposed = [trial for trials in runs.values() for trial in trials if trial.number >= START]
    total = Usage.total(trial.proposal.usage for trial in proposed)
    number = max(1, len(proposed))
    reached = min([networks, *map(trained, runs.values())])
    points = sorted({*(point for point in CHECKPOINTS if point < reached), reached} - {0})
    return {
        "accuracy": {
            str(point): {str(seed): best_after(trials, point) for seed, trials in runs.items()}
            for point in points
        },
        "as_asked": sum(is_as_asked(each, way) for each in proposed) / number if way else None,
        "prompt_tokens_a_proposal": total.prompt_tokens / number,
        "cached_tokens_a_proposal": total.cached_tokens / number,
        "completion_tokens_a_proposal": total.completion_tokens / number,
        "seconds_a_proposal": total.seconds / number,
        "price_a_run": None if total.price is None else total.price / max(1, len(runs)),
    }


def is_as_asked(trial: Trial, way: Way) -> bool:
    """Whether the model chose by this way: not another role in its place, and no spoken reply where
    probabilities were to be read.
    """
    proposal = trial.proposal
    if proposal.error or (way.role and proposal.role != way.role):
        return False
    by_tokens = (proposal.reply or "").startswith('{"scores"')
    return by_tokens or not way.by_tokens or not proposal.usage.requests


def truth(runs: Mapping[int, Sequence[Trial]]) -> dict[str, Any]:
    """What the file holds of the claims."""
    asked = [trial for trials in runs.values() for trial in trials if trial.number >= START]
    usage = Usage.total(trial.proposal.usage for trial in asked)
    found: dict[str, Any] = {
        "seeds": list(runs),
        "proposals": len(asked),
        "completion_tokens_a_proposal": usage.completion_tokens / max(1, len(asked)),
        "true": 0,
        "false": 0,
    }
    rate = next((each for each in rates(*runs.values()) if each.kind == ALL), None)
    if rate is None:
        return found
    said = {"true": rate.true, "false": rate.false, "interval": rate.interval}
    return found | said | {"form_rate": rate.form_rate, "chance": rate.chance}


def best_after(trials: Sequence[Trial], networks: int) -> float:
    """The best validation accuracy (%) among the first trained networks."""
    scores = (trial.score.val_accuracy for trial in trials if trial.score)
    return round(100 * max(score for score, _ in zip(scores, range(networks), strict=False)), 4)


def slug(name: str) -> str:
    """A name as part of a path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")


def digest(setup: Sequence[object]) -> str:
    """Six hexadecimal digits that tell setups apart."""
    return hashlib.sha256(json.dumps(setup).encode()).hexdigest()[:6]
