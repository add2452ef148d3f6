"""Who is asked next, in which niche, how boldly; what a note is written from; and that the tokens
left are never exceeded.
"""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from lmanet.errors import ConfigError
from lmanet.propose import Strategist, Strategy
from lmanet.propose.llm.usage import TEMPLATE_TOKENS
from lmanet.propose.roles.past import follow
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Trial
from lmanet.tokens import clip_tokens, count_tokens

Make = Callable[..., Trial]


def strategy(**changes: Any) -> Strategy:
    settings: dict[str, Any] = {
        "roles": ["generate", "mutate", "rank"],
        "sampling_temperatures": {"generate": 1.5, "mutate": 1.0, "rank": 0.3},
        "niches": 2,
        "stall_after": 4,
        "stall_roles": ["rank"],
        "stall_temperature": 0.5,
    }
    return Strategy(**settings | changes)


def test_roles_and_niches_take_turns(brief: Brief, trained: Make) -> None:
    front = (trained(brief, 11),)
    plans = [
        strategy(stall_after=None).plan(Request(number=n, count=1, front=front))
        for n in range(12, 24)
    ]
    assert [p.role for p in plans[:4]] == ["generate", "mutate", "rank", "generate"]
    assert {(p.role, p.niche) for p in plans} == {
        (role, band) for role in ("generate", "mutate", "rank") for band in (0, 1)
    }
    assert {p.role: p.sampling_temperature for p in plans} == {
        "generate": 1.5,
        "mutate": 1.0,
        "rank": 0.3,
    }


def test_a_stalled_front_is_answered_and_logged_once(
    brief: Brief, caplog: pytest.LogCaptureFixture, trained: Make
) -> None:
    front = (trained(brief, 2),)
    with caplog.at_level(logging.INFO):
        plans = {n: strategy().plan(Request(number=n, count=1, front=front)) for n in range(3, 10)}
    assert [n for n, plan in plans.items() if plan.stalled_for] == [7, 8, 9]
    assert (plans[7].role, plans[7].niche, plans[7].sampling_temperature, plans[7].stalled_for) == (
        "rank",
        None,
        0.8,
        4,
    )
    assert (
        len(caplog.messages) == 1 and "no change of the front for 4 proposals" in caplog.messages[0]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": []},
        {"roles": ["dream"]},
        {"niches": 0},
        {"stall_after": 0},
        {"sampling_temperatures": {}},
    ],
)
def test_a_strategy_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"propose\.strategy"):
        strategy(**wrong)


def test_a_note_is_due_every_few_trained_networks_and_holds_until_the_next(
    brief: Brief, trained: Make
) -> None:
    strategist = Strategist(every=3, max_tokens=40)
    trials = [trained(brief, i) for i in range(3)]
    past = follow(brief.space)
    assert strategist.is_due(past.over(trials))
    noted = [*trials, trained(brief, 3, note="Wider is better.")]
    later = past.over([*noted, trained(brief, 4)])
    assert later.note == "Wider is better." and not strategist.is_due(later)
    assert not Strategist(every=0, max_tokens=40).is_due(later)


def test_a_note_is_asked_for_once_also_while_its_network_is_in_training(
    endpoint: Any, brief: Brief, configured: Callable[..., Any], trained: Make
) -> None:
    endpoint.answers = [(200, "Wider is better."), (200, "no network")]
    settings = (
        "strategy.roles=[generate]",
        "team.strategist.every=2",
        "prompt.max_attempts=1",
        "model=m",
    )
    proposer = configured("llm", brief, f"server.base_url={endpoint.base_url}", *settings)
    trials = tuple(trained(brief, i) for i in range(2))
    first, second = (
        proposer.propose(Request(number=number, count=1, trials=trials))[0] for number in (2, 3)
    )
    proposer.close()
    assert (first.note, first.usage.requests, second.note, second.usage.requests) == (
        "Wider is better.",
        2,
        None,
        1,
    )
    asked = [body["messages"][0]["content"] for body in endpoint.requests]
    # a note is no longer than it may be
    assert [body["max_tokens"] for body in endpoint.requests] == [
        200,
        2048,
        2048,
    ]
    assert (
        len(asked) == 3
        and "Write a note" in asked[0]
        and all("Note on the results so far: Wider is better." in text for text in asked[1:])
    )


def test_a_long_note_is_cut_at_whole_words() -> None:
    text = Strategist(every=1, max_tokens=30).note("wider stages\n\nare better " * 40)
    assert (
        count_tokens(text) <= 30
        and text.endswith(("wider", "stages", "are", "better"))
        and "\n" not in text
    )
    assert clip_tokens("short", 30) == "short"


def test_what_might_exceed_the_tokens_left_is_not_asked(
    endpoint: Any, brief: Brief, configured: Callable[..., Any]
) -> None:
    endpoint.answers = [(200, "no network")]
    settings = (
        f"server.base_url={endpoint.base_url}",
        "model=m",
        "sampling.max_reply_tokens=500",
        "strategy.roles=[generate]",
    )
    proposer = configured("llm", brief, *settings)
    (proposal,) = proposer.propose(Request(number=0, count=1))
    assert proposal.error and len(endpoint.requests) == 3
    bound = (
        TEMPLATE_TOKENS
        + 500
        + sum(count_tokens(message["content"]) for message in endpoint.requests[0]["messages"])
    )
    for left, requests in ((bound - 1, 0), (bound, 1), (10 * bound, 3)):
        endpoint.requests.clear()
        proposals = proposer.propose(Request(number=0, count=1, tokens_left=left))
        assert len(endpoint.requests) == requests and bool(proposals) == bool(requests)
    proposer.close()
