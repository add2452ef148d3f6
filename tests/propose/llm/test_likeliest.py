"""A choice that is read from the probabilities of one token, over real HTTP."""

import json
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest

from lmanet.propose.llm.address import Endpoint
from lmanet.propose.llm.completion import read_completion
from lmanet.propose.llm.faults import Fault
from lmanet.propose.llm.transport import Sent
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Trial
from lmanet.space import architecture_id

SPOKEN = (200, '{"order": ["B"]}')
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "m", 1.0, 0)


def likeliest(**logprobs: float) -> tuple[int, str]:
    return 200, "likeliest:" + json.dumps(logprobs)


@pytest.fixture
def ranker(configured: Callable[..., Any], cells: Brief, endpoint: Any) -> Callable[..., Any]:
    def make(*overrides: str) -> Any:
        server = [f"server.base_url={endpoint.base_url}", "server.retries=0"]
        rank = ["strategy.roles=[rank]", "team.rank.candidates=3", "prompt.rationale=false"]
        return configured("llm", cells, "model=m", *server, *rank, *overrides)

    return make


def listed(endpoint: Any, request: int = 0) -> list[str]:
    """The candidates' lines of a request, without their letters."""
    lines = endpoint.requests[request]["messages"][-1]["content"].splitlines()
    return [line[3:] for line in lines if line[:3] in ("A: ", "B: ", "C: ")]


def test_one_token_orders_all_candidates(
    ranker: Callable[..., Any], cells: Brief, endpoint: Any
) -> None:
    endpoint.answers = [likeliest(B=-0.1, C=-2.5, A=-3.0, The=-4.0)]
    proposer = ranker("team.rank.read=logprobs")
    proposals = proposer.propose(Request(number=0, count=2))
    (sent,) = endpoint.requests
    assert sent["max_tokens"] == 1 and sent["logprobs"] is True and sent["top_logprobs"] == 20
    assert "response_format" not in sent
    written = [cells.space.write_proposal(each.architecture) for each in proposals]
    assert [line.split(" (")[0] for line in listed(endpoint)][1:] == written
    assert json.loads(proposals[0].reply) == {"scores": [-0.1, -2.5, -3.0]}
    assert proposals[0].usage.requests == 1 and proposals[1].usage.requests == 0


def test_a_letter_with_a_space_or_quote_before_it_counts(
    ranker: Callable[..., Any], cells: Brief, endpoint: Any
) -> None:
    endpoint.answers = [(200, 'likeliest:{" C": -1.0, "A": -1.1, "\\u0120C": -1.0, "\\"B": -1.5}')]
    (proposal,) = ranker("team.rank.read=logprobs").propose(Request(number=0, count=1))
    assert cells.space.write_proposal(proposal.architecture) == listed(endpoint)[2].split(" (")[0]
    assert json.loads(proposal.reply)["scores"][0] == pytest.approx(-0.3069, abs=1e-3)


@pytest.mark.parametrize("refusal", [SPOKEN, (400, "unknown field logprobs")])
def test_without_probabilities_the_choice_is_spoken_and_that_is_said_once(
    refusal: tuple[int, str],
    ranker: Callable[..., Any],
    endpoint: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.answers = [refusal, SPOKEN]
    proposer = ranker("team.rank.read=logprobs")
    with caplog.at_level(logging.WARNING):
        first, second = (proposer.propose(Request(number=n, count=1))[0] for n in (0, 1))
    assert first.architecture and second.architecture
    assert [("logprobs" in request) for request in endpoint.requests] == [True, False, False]
    said = [each for each in caplog.messages if "gives no probabilities" in each]
    assert len(said) == 1 and "propose.team.rank.read" in said[0]


def test_a_resumed_run_asks_the_spoken_question_with_the_same_seed(
    ranker: Callable[..., Any], endpoint: Any
) -> None:
    """It learns anew that the server gives no probabilities."""
    endpoint.answers = [SPOKEN]
    whole, resumed = ranker("team.rank.read=logprobs"), ranker("team.rank.read=logprobs")
    whole.propose(Request(number=0, count=1))
    once = whole.propose(Request(number=1, count=1))
    again = resumed.propose(Request(number=1, count=1))
    spoken = [each for each in endpoint.requests if "logprobs" not in each]
    assert spoken[1] == spoken[2]
    assert once[0].architecture == again[0].architecture


def test_where_no_letter_is_likely_this_one_choice_is_spoken(
    ranker: Callable[..., Any], endpoint: Any
) -> None:
    endpoint.answers = [likeliest(The=-0.1, I=-2.0), SPOKEN, likeliest(A=-0.1)]
    proposer = ranker("team.rank.read=logprobs")
    for number in (0, 1):
        assert proposer.propose(Request(number=number, count=1))[0].architecture
    assert [("logprobs" in request) for request in endpoint.requests] == [True, False, True]


def test_prompts_that_might_exceed_the_tokens_left_are_not_sent(
    ranker: Callable[..., Any], endpoint: Any
) -> None:
    endpoint.answers = [likeliest(A=-0.1), SPOKEN]
    proposer = ranker("team.rank.read=pairs", "sampling.max_reply_tokens=64")
    (proposal,) = proposer.propose(Request(number=0, count=1, tokens_left=3000))
    assert len(endpoint.requests) == 1 and "logprobs" not in endpoint.requests[0]
    assert proposal.usage.requests == 1


def test_digits_begin_with_the_same_words_for_every_candidate(
    ranker: Callable[..., Any],
    cells: Brief,
    endpoint: Any,
    trained: Callable[..., Trial],
) -> None:
    trials = tuple(trained(cells, i, accuracy=0.5 + i / 100) for i in range(6))
    endpoint.answers = [likeliest(**{"2": -0.1}), likeliest(**{"9": -0.1}), likeliest(**{"1": -1})]
    (proposal,) = ranker("team.rank.read=digits").propose(
        Request(number=6, count=1, trials=trials, compose=lambda: "FEEDBACK")
    )
    texts = [each["messages"][-1]["content"] for each in endpoint.requests]
    assert len({text.rsplit("\n", 1)[0] for text in texts}) == 1 and len(set(texts)) == 3
    assert "FEEDBACK" not in texts[0]
    assert json.loads(proposal.reply)["scores"] == [9.0, 2.0, 1.0]
    second = texts[1].rsplit("\n", 1)[1]
    assert second.startswith(" ".join(cells.space.write_choices(proposal.architecture).values()))
    assert architecture_id(proposal.architecture) not in {trial.id for trial in trials}


WHY = '{"claims": [{"kind": "nothing"}], "text": "Many 3x3 convolutions."}'


def test_reasons_are_asked_for_apart_and_of_the_chosen_network_alone(
    ranker: Callable[..., Any], cells: Brief, endpoint: Any
) -> None:
    endpoint.answers = [likeliest(B=-0.1, A=-3.0), (200, WHY)]
    proposer = ranker("team.rank.read=logprobs", "prompt.rationale=true")
    (proposal,) = proposer.propose(Request(number=0, count=1))
    asked = endpoint.requests[1]["messages"][-1]["content"]
    assert len(endpoint.requests) == 2 and proposal.usage.requests == 2
    assert cells.space.write_proposal(proposal.architecture) in asked
    assert proposal.rationale.text == "Many 3x3 convolutions." and proposal.rationale.faults
    assert proposal.reply.startswith('{"scores"')


def test_a_choice_without_reasons_stands_all_the_same(
    ranker: Callable[..., Any], endpoint: Any
) -> None:
    endpoint.answers = [likeliest(B=-0.1, A=-3.0), (200, "because")]
    proposer = ranker("team.rank.read=logprobs", "prompt.rationale=true")
    (proposal,) = proposer.propose(Request(number=0, count=1))
    assert proposal.architecture and proposal.rationale is None and proposal.error is None


JUNK: list[Any] = [None, True, 0, -1.5, 1e308, 10**400, "", "A", "\ud800", [], {}, [[]], "é" * 999]


def broken(rng: random.Random, depth: int = 0) -> Any:
    """What might stand under ``logprobs``: right keys, anything in them."""
    draw = rng.random()
    if draw < 0.3 or depth > 5:
        return rng.choice(JUNK)
    if draw < 0.5:
        return [broken(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    keys = ["content", "top_logprobs", "token", "logprob", "bytes"]
    return {key: broken(rng, depth + 1) for key in rng.sample(keys, rng.randint(1, 4))}


def test_broken_probabilities_are_left_out() -> None:
    rng, found = random.Random(0), 0
    for _ in range(3000):
        item = {"token": rng.choice(["A", " B", broken(rng)]), "logprob": broken(rng)}
        top = [item, broken(rng), {"token": "C", "logprob": rng.choice([-1.0, *JUNK])}]
        logprobs = rng.choice([broken(rng), {"content": [{"top_logprobs": top}]}])
        choice = {"message": {"content": "A"}, "logprobs": logprobs}
        try:
            sent = Sent(json.dumps({"choices": [choice]}).encode(), {})
        except (ValueError, RecursionError):
            continue
        try:
            read = read_completion(sent, ENDPOINT, {}).likeliest
        except Fault:
            continue
        found += bool(read)
        for token, logprob in read.items():
            assert token.encode() is not None and -1e9 < logprob < 1e-3
    assert found > 300


def test_infinite_and_positive_logarithms_are_no_probabilities() -> None:
    listed = '[{"token": "A", "logprob": NaN}, {"token": "B", "logprob": -Infinity}, '
    listed += '{"token": "C", "logprob": 3.0}, {"token": "D", "logprob": -0.5}]'
    text = f'{{"choices": [{{"message": {{}}, "logprobs": {{"content": [{{"top_logprobs": {listed}'
    assert read_completion(Sent((text + "}]}}]}").encode(), {}), ENDPOINT, {}).likeliest == {
        "D": -0.5
    }


@pytest.mark.slow  # asks a language model
def test_the_real_model_orders_by_one_token(
    ranker: Callable[..., Any], embedded_address: str
) -> None:
    proposer = ranker(f"server.base_url={embedded_address}", "team.rank.read=logprobs")
    (proposal,) = proposer.propose(Request(number=0, count=1))
    scores = json.loads(proposal.reply)["scores"]
    assert proposal.usage.completion_tokens == 1 and scores == sorted(scores, reverse=True)
    (again,) = proposer.propose(Request(number=0, count=1))
    assert again.architecture == proposal.architecture
