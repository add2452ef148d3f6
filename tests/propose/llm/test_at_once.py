"""Several requests at once bring what the same requests bring one after the other."""

import pytest

from lmanet.errors import EndpointError
from lmanet.propose.llm.at_once import divided, in_order
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal

SIX = Request(number=10, count=6, tokens_left=600_000, compose=lambda: "Be bold.")


@pytest.fixture
def connected(configured, brief: Brief, server_double):
    made = []

    def connect(*overrides: str):
        address = f"server.base_url={server_double.base_url}"
        made.append(configured("llm", brief, "model=double", address, *overrides))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def test_a_batch_is_divided_without_rest():
    parts = divided(SIX.model_copy(update={"count": 7}), 3)
    assert [(part.number, part.count) for part in parts] == [(10, 2), (12, 2), (14, 3)]
    assert all(part.tokens_left == 200_000 and part.feedback == "Be bold." for part in parts)
    assert divided(SIX, 1) == [SIX] and len(divided(SIX, 9)) == 6


def test_replies_in_any_order_make_the_same_proposals(connected, server_double):
    server_double.answer_seconds, server_double.first_together = 0.1, 3
    first, second = (connected("requests_at_once=3").propose(SIX) for _ in range(2))
    assert server_double.most_at_once == 3
    timeless = [
        [
            one.model_copy(update={"usage": one.usage.model_copy(update={"seconds": 0.0})})
            for one in each
        ]
        for each in (first, second)
    ]
    assert timeless[0] == timeless[1] and len(first) >= 3
    alone = connected()
    in_turn = [one for part in divided(SIX, 3) for one in alone.propose(part)]
    assert [(one.reply, one.role) for one in in_turn] == [(one.reply, one.role) for one in first]


def test_tokens_that_suffice_for_one_request_are_used_for_one(connected):
    few = SIX.model_copy(update={"tokens_left": 12_000})
    proposer = connected("requests_at_once=6")
    proposals = proposer.propose(few)
    assert proposals and sum(one.usage.requests for one in proposals) == 1
    assert proposer.propose(SIX.model_copy(update={"tokens_left": 100})) == []


def test_a_request_that_fails_costs_no_other_its_reply(caplog):
    def fails() -> list[Proposal]:
        raise EndpointError("nothing answers")

    def answers() -> list[Proposal]:
        return [Proposal(proposer="m")]

    assert in_order([fails, answers, answers]) == [*answers(), *answers()]
    assert "1 of 3 requests failed: nothing answers" in caplog.text
    with pytest.raises(EndpointError, match="nothing answers"):
        in_order([fails, fails])
