"""Random draws and replays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmanet.errors import ConfigError, EndpointError, HistoryError
from lmanet.propose import RandomProposer, ReplayProposer
from lmanet.propose.llm.reply import parse_reply
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Status, Trial, Usage
from lmanet.space import load_space


def trial(number: int, proposal: Proposal) -> Trial:
    return Trial(
        number=number,
        status=Status.REJECTED,
        proposal=proposal,
        seed=1,
        started_at="",
        seconds=0,
        elapsed_seconds=0,
    )


@pytest.fixture
def recorded(brief: Brief) -> list[Proposal]:
    drawn = [brief.space.sample(np.random.default_rng(seed)) for seed in range(3)]
    reply = f"Here\u2028it is: {brief.space.write_proposal(drawn[0])}"
    usage = Usage(prompt_tokens=9, completion_tokens=9, requests=1, seconds=1.5)
    return [
        Proposal(
            proposer="m",
            architecture=parse_reply(reply, brief.space),
            reply=reply,
            structured=True,
            usage=usage,
        ),
        Proposal(
            proposer="m",
            reply="no",
            error='the reply was cut at 1 tokens: the reply holds no JSON object with "stages"',
            structured=False,
        ),
        Proposal(proposer="random", architecture=drawn[2]),
    ]


@pytest.fixture
def history(tmp_path: Path, recorded: list[Proposal]) -> Path:
    path = tmp_path / "history.jsonl"
    # in the order in which they ended
    lines = [trial(number, recorded[number]).model_dump_json() + "\n" for number in (1, 0, 2)]
    path.write_text("".join(lines) + '{"number": 3, "stat', encoding="utf-8")
    return path


def test_random_draws_depend_on_seed_and_number_alone(brief: Brief) -> None:
    drawn = RandomProposer(brief).propose(Request(number=0, count=4))
    again = RandomProposer(brief).propose(Request(number=2, count=2))
    other = RandomProposer(brief.model_copy(update={"seed": 1})).propose(Request(number=0, count=4))
    assert drawn[2:] == again and len({p.architecture for p in [*drawn, *other]}) == 8


def test_replays_every_proposal_in_the_order_of_its_number(
    brief: Brief, recorded: list[Proposal], history: Path
) -> None:
    proposer = ReplayProposer(brief, str(history))
    replayed = [proposer.propose(Request(number=number, count=1))[0] for number in range(3)]
    same = {"proposer": "replay", "usage": Usage()}
    assert replayed == [proposal.model_copy(update=same) for proposal in recorded]
    assert proposer.propose(Request(number=1, count=5)) == replayed[1:]


def test_an_exhausted_recording_ends_the_run(brief: Brief, history: Path) -> None:
    with pytest.raises(EndpointError, match=r"holds 3 proposals, none with number 3.*budget"):
        ReplayProposer(brief, str(history)).propose(Request(number=3, count=1))


def test_a_reply_outside_another_space_is_refused_anew(brief: Brief, history: Path) -> None:
    space = load_space(
        "mcu", {"resolution": [32], "stem": None, "head": None, "stage": {"channels": [8]}}
    )
    narrow = brief.model_copy(update={"space": space})
    (replayed,) = ReplayProposer(narrow, str(history)).propose(Request(number=0, count=1))
    assert replayed.architecture is None and replayed.error and "legal are cv8" in replayed.error


def test_unusable_recordings(brief: Brief, history: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.jsonl.*propose\.history"):
        ReplayProposer(brief, str(tmp_path / "absent.jsonl"))
    history.write_text('{"number": 1}\n')
    with pytest.raises(HistoryError, match="line 1 holds no Trial"):
        ReplayProposer(brief, str(history))


def test_neither_holds_anything_open(brief: Brief, history: Path) -> None:
    makers: list[Callable[[], Any]] = [
        lambda: RandomProposer(brief),
        lambda: ReplayProposer(brief, str(history)),
    ]
    for make in makers:
        proposer = make()
        proposer.close()
        assert proposer.propose(Request(number=0, count=1))
