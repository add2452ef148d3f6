"""Searches that begin with the same networks, whoever proposes after them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lmanet.errors import ConfigError
from lmanet.propose import EvolutionProposer, RandomProposer, SamplerProposer, begun_at_random
from lmanet.propose.baselines.random_start import RandomStart
from lmanet.propose.roles.rank import Rank
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Trial

Make = Callable[..., Trial]
STARTED = 3


def searched(proposer: Any, brief: Brief, trained: Make, number: int) -> list[Proposal]:
    """Of a search one by one."""
    trials: list[Trial] = []
    found: list[Proposal] = []
    for place in range(number):
        (proposal,) = proposer.propose(Request(number=place, count=1, trials=tuple(trials)))
        found.append(proposal)
        trials.append(trained(brief, place, proposal.architecture, accuracy=0.5))
    return found


def proposers(brief: Brief) -> Sequence[Any]:
    return [
        SamplerProposer(brief, Rank(8, 0.25, 4, "at_random"), 1),
        EvolutionProposer(brief, population=20, sample=5, feasible_draws=0),
    ]


def test_two_searches_with_one_seed_begin_with_the_same_networks(
    cells: Brief, trained: Make
) -> None:
    one, other = (
        searched(begun_at_random(each, cells, STARTED), cells, trained, STARTED + 1)
        for each in proposers(cells)
    )
    assert [each.architecture for each in one[:-1]] == [each.architecture for each in other[:-1]]
    assert [each.proposer for each in one] == ["random"] * STARTED + ["sampler"]
    assert other[-1].proposer != "random"


def test_a_random_search_is_not_changed_by_its_start(cells: Brief, trained: Make) -> None:
    plain = searched(RandomProposer(cells, 30), cells, trained, 6)
    begun = begun_at_random(RandomProposer(cells, 30), cells, STARTED)
    assert searched(begun, cells, trained, 6) == plain


def test_a_study_takes_up_a_start_that_it_did_not_draw(
    cells: Brief, trained: Make, configured: Callable[..., Any]
) -> None:
    begun = begun_at_random(configured("tpe", cells), cells, STARTED)
    found = searched(begun, cells, trained, STARTED + 2)
    assert [each.proposer for each in found] == ["random"] * STARTED + ["tpe"] * 2


def test_a_batch_ends_where_the_start_does(cells: Brief) -> None:
    sampler, _ = proposers(cells)
    begun = begun_at_random(sampler, cells, STARTED)
    assert len(begun.propose(Request(number=1, count=8))) == STARTED - 1
    assert len(begun.propose(Request(number=STARTED, count=8))) == 8


def test_without_a_start_nothing_stands_before_the_proposer(cells: Brief) -> None:
    sampler, _ = proposers(cells)
    assert begun_at_random(sampler, cells, 0) is sampler


def test_what_the_proposer_lacks_is_said_before_the_start(
    cells: Brief, configured: Callable[..., Any]
) -> None:
    asker = configured("embedded", cells, "model=/nowhere.gguf")
    with pytest.raises(ConfigError, match=r"no model file /nowhere\.gguf"):
        RandomStart(RandomProposer(cells), asker, STARTED).require()
    RandomStart(RandomProposer(cells), proposers(cells)[0], STARTED).require()
