"""The proposer against a double: what it asks, asks again and gives up."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lmanet.errors import EndpointError
from lmanet.propose.llm.example import example
from lmanet.propose.llm.talk import request_seed
from lmanet.run.brief import Brief, Request
from lmanet.space import architecture_id

pytestmark = pytest.mark.slow  # asks a language model


@pytest.fixture
def proposer(endpoint: Any, brief: Brief, configured: Callable[..., Any]) -> Any:
    overrides = (
        "model=some-model",
        f"server.base_url={endpoint.base_url}",
        "strategy.roles=[generate]",
        "prompt.rationale=false",
    )
    made = configured("llm", brief, *overrides)
    yield made
    made.close()


def test_a_good_reply(endpoint: Any, proposer: Any, brief: Brief) -> None:
    reply = brief.space.write_proposal(example(brief))
    endpoint.answers = [(200, reply)]
    (proposal,) = proposer.propose(Request(number=3, count=1, compose=lambda: "Be bold."))
    assert (
        proposal.proposer,
        proposal.role,
        proposal.reply,
        proposal.error,
        proposal.structured,
    ) == (*("some-model", "generate", reply, None, True),)
    assert architecture_id(proposal.architecture) == architecture_id(example(brief))
    (request,) = endpoint.requests
    assert "Be bold." in request["messages"][0]["content"] and request["seed"] == request_seed(
        0, 3, 0
    )
    assert request["response_format"]["json_schema"]["schema"] == json.loads(
        json.dumps(brief.space.json_schema())
    )
    assert (request["temperature"], request["min_p"], request["max_tokens"]) == (1.5, 0.1, 2048)


def test_several_networks_in_one_call_are_paid_for_once(
    endpoint: Any, proposer: Any, brief: Brief
) -> None:
    rng = np.random.default_rng(0)
    wanted = [brief.space.sample(rng) for _ in range(3)]
    endpoint.answers = [
        (
            200,
            f'{{"networks": [{", ".join(brief.space.write_proposal(each) for each in wanted)}]}}',
        )
    ]
    proposals = proposer.propose(Request(number=0, count=3))
    assert [architecture_id(p.architecture) for p in proposals] == [
        architecture_id(each) for each in wanted
    ]
    assert [p.usage.tokens for p in proposals] == [110, 0, 0] and len(endpoint.requests) == 1
    schema = endpoint.requests[0]["response_format"]["json_schema"]["schema"]["properties"][
        "networks"
    ]
    assert (schema["minItems"], schema["maxItems"]) == (3, 3)


def test_asks_again_with_the_reason(endpoint: Any, proposer: Any, brief: Brief) -> None:
    endpoint.answers = [(200, '{"stages": 5}'), (200, brief.space.write_proposal(example(brief)))]
    (proposal,) = proposer.propose(Request(number=0, count=1))
    assert architecture_id(proposal.architecture) == architecture_id(example(brief))
    assert (proposal.usage.requests, proposal.usage.retries) == (2, 1)
    assert (
        proposal.usage.requests,
        proposal.usage.prompt_tokens,
        proposal.usage.completion_tokens,
    ) == (2, 200, 20)
    messages = endpoint.requests[1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == '{"stages": 5}' and "stages=5" in messages[2]["content"]
    assert endpoint.requests[0]["seed"] != endpoint.requests[1]["seed"]


def test_gives_up_after_so_many_attempts_and_keeps_the_reply(endpoint: Any, proposer: Any) -> None:
    endpoint.answers = [(200, "one"), (200, "two"), (200, "I refuse")]
    (proposal,) = proposer.propose(Request(number=0, count=1))
    assert proposal.architecture is None and proposal.reply == "I refuse"
    assert "no JSON object" in proposal.error and proposal.usage.requests == 3
    assert len(endpoint.requests[2]["messages"]) == 3


def test_a_dead_endpoint_makes_no_proposal(endpoint: Any, proposer: Any) -> None:
    endpoint.answers = [(401, "wrong key")]
    with pytest.raises(EndpointError, match="API key"):
        proposer.propose(Request(number=0, count=1))


def test_the_recorded_proposal_says_that_the_schema_was_refused(
    endpoint: Any, proposer: Any, brief: Brief
) -> None:
    endpoint.answers = [
        (400, "unknown field response_format"),
        (200, brief.space.write_proposal(example(brief))),
    ]
    (proposal,) = proposer.propose(Request(number=0, count=1))
    assert proposal.architecture and proposal.structured is False and proposal.usage.requests == 2


def test_seeds_differ_between_runs_trials_and_attempts() -> None:
    seeds = {
        request_seed(seed, number, attempt)
        for seed in range(5)
        for number in range(50)
        for attempt in range(3)
    }
    assert len(seeds) == 750 and all(0 <= seed < 2**31 for seed in seeds)


def test_a_price_of_the_configuration_stands_in_the_proposal(
    endpoint: Any, brief: Brief, configured: Callable[..., Any]
) -> None:
    price = (
        "sampling.price={_target_: lmanet.propose.Price, prompt: 1.0, cached: 0.5, completion: "
        "10.0}"
    )
    made = configured(
        "llm",
        brief,
        "model=m",
        f"server.base_url={endpoint.base_url}",
        "strategy.roles=[generate]",
        price,
    )
    endpoint.answers = [(200, brief.space.write_proposal(example(brief)))]
    (proposal,) = made.propose(Request(number=0, count=1))
    made.close()
    assert proposal.usage.price == pytest.approx((100 * 1.0 + 10 * 10.0) / 1e6)
