"""Steer: the model chooses how the sampler draws."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lmanet.errors import ConfigError
from lmanet.propose import Steer
from lmanet.propose.roles.arms import ARMS
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Trial

ARM = list(ARMS)[5]


@pytest.fixture
def steered(configured: Callable[..., Any], cells: Brief, endpoint: Any) -> Callable[..., Any]:
    def make(*overrides: str) -> Any:
        server = [f"server.base_url={endpoint.base_url}", "server.retries=0"]
        return configured("llm", cells, "model=m", *server, "strategy.roles=[steer]", *overrides)

    return make


def history(brief: Brief, trained: Callable[..., Trial], arms: Sequence[str | None]) -> Request:
    trials = [trained(brief, i, accuracy=0.5 + i / 100) for i in range(len(arms))]
    told = [
        trial.model_copy(update={"proposal": Proposal(proposer="m", arm=arm, **_network(trial))})
        for trial, arm in zip(trials, arms, strict=True)
    ]
    return Request(number=len(arms), count=1, trials=tuple(told))


def _network(trial: Trial) -> dict[str, Any]:
    return {"architecture": trial.architecture}


def test_the_choice_is_recorded_and_drawn(
    steered: Callable[..., Any], cells: Brief, endpoint: Any, trained: Callable[..., Trial]
) -> None:
    endpoint.answers = [(200, '{"order": ["F"]}')]
    (proposal,) = steered().propose(history(cells, trained, [None, None, None]))
    assert proposal.arm == ARM and proposal.role == "steer" and proposal.architecture
    text = endpoint.requests[0]["messages"][0]["content"]
    assert all(arm in text for arm in ARMS) and "not tried yet" in text
    assert '"why"' not in text


def test_a_choice_holds_for_some_proposals_without_a_request(
    steered: Callable[..., Any], cells: Brief, endpoint: Any, trained: Callable[..., Trial]
) -> None:
    endpoint.answers = [(200, "no answer")]
    (proposal,) = steered().propose(history(cells, trained, [None, None, None, ARM]))
    assert proposal.arm == ARM and proposal.architecture and not endpoint.requests
    assert proposal.usage.requests == 0 and proposal.reply is None


def test_the_choice_can_be_read_from_one_token(
    steered: Callable[..., Any], cells: Brief, endpoint: Any, trained: Callable[..., Trial]
) -> None:
    endpoint.answers = [(200, "likeliest:" + json.dumps({"F": -0.1, "A": -0.2}))]
    liked = (200, "likeliest:" + json.dumps({"A": -0.1, "F": -3.0}))
    endpoint.answers.append(liked)
    (proposal,) = steered("team.steer.read=logprobs").propose(history(cells, trained, [None] * 3))
    assert proposal.arm == ARM and len(endpoint.requests) == 2


def test_what_each_way_has_brought_is_told(
    steered: Callable[..., Any], cells: Brief, endpoint: Any, trained: Callable[..., Trial]
) -> None:
    endpoint.answers = [(200, '{"order": ["A"]}')]
    steered().propose(history(cells, trained, [None, ARM, ARM]))
    text = endpoint.requests[0]["messages"][0]["content"]
    assert f"F: {ARM} (tried 2 times, better than 100% of the networks before" in text


@pytest.mark.parametrize("wrong", [{"every": 0}, {"read": "digits"}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"propose\.team\.steer"):
        Steer(**wrong)
