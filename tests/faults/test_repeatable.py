"""The same seed and the same replies: byte-identical proposals, verdicts and front, twice and
across a kill and a resume.
"""

import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmanet.app.compose import compose, plain
from lmanet.run.folder import RunFolder
from lmanet.run.records import Proposal, Status, Trial
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # starts whole runs

PROPOSALS = 40


def write_replies(path: Path) -> None:
    """What a model might have said: networks of the space in words around them, one twice, and now
    and then nothing of use.
    """
    path.parent.mkdir()
    config = compose(["+experiment=bench_lmanet"])
    space = load_space(config.space.name, plain(config.space.choices))
    history = RunFolder(path.parent).history
    for number in range(PROPOSALS):
        drawn = space.sample(np.random.default_rng(number // 2 if number % 7 == 1 else number))
        reply = f"I take this one: {drawn.model_dump_json()} It is small."
        reply = "I cannot say." if number % 9 == 8 else reply
        history.append(
            Trial(
                number=number,
                status=Status.UNPARSABLE,
                proposal=Proposal(proposer="model", reply=reply),
                seed=0,
                started_at="",
                seconds=0.0,
                elapsed_seconds=0.0,
            )
        )


def has_lines(path: Path, number: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") >= number


def decided(folder: Path) -> list[Any]:
    """All bytes that a choice of the search left, and no time or date."""
    run = RunFolder(folder)
    front = run.front.read()
    assert front
    return [
        *((each.proposal.model_dump_json(), each.verdict) for each in run.history.read()),
        front.hypervolume,
        *((each.number, each.proposal, each.verdict, each.score) for each in front.trials),
    ]


@pytest.mark.parametrize("proposer", ["replay", "tpe", "sampler"])
def test_the_same_seed_gives_the_same_bytes_twice_and_across_a_resume(
    drivers, tmp_path: Path, proposer: str
):
    settings = ["+experiment=bench_lmanet", f"propose={proposer}", "budget.trained=null"]
    settings.append(f"budget.proposals={PROPOSALS}")
    if proposer == "replay":
        write_replies(tmp_path / "said" / "history.jsonl")
        settings.append(f"propose.history={tmp_path / 'said' / 'history.jsonl'}")
    for name in ("first", "second"):
        drivers.run(tmp_path, *settings, f"hydra.run.dir={name}")
    driver = drivers.start(tmp_path, *settings, "hydra.run.dir=third")
    driver.until(partial(has_lines, tmp_path / "third" / "history.jsonl", PROPOSALS // 3))
    driver.send(signal.SIGKILL)
    driver.wait()
    drivers.run(tmp_path, "resume=third")
    first = decided(tmp_path / "first")
    assert decided(tmp_path / "second") == first == decided(tmp_path / "third")
    statuses = {trial.status for trial in RunFolder(tmp_path / "first").trials()}
    assert Status.TRAINED in statuses
    if proposer == "replay":
        assert {Status.UNPARSABLE, Status.REJECTED} < statuses
