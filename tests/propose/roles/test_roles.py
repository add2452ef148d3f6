"""The roles: what they offer is legal and untried, and their replies are read however they are
wrapped.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.propose import Mutate, Rank, SamplerProposer, Strategist, Team
from lmanet.propose.llm.reply import read_reply
from lmanet.propose.roles.candidates import fresh_draw
from lmanet.propose.roles.generate import Generate
from lmanet.propose.roles.legal import excess, tried
from lmanet.propose.roles.niches import Niche, niche
from lmanet.propose.roles.options import options_schema, read_options
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.task import Round, parents
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Trial
from lmanet.space import CellSpace, architecture_id, estimate_on, load_space

LEGAL = load_space("mcu").parse(
    {
        "resolution": 32,
        "stem": None,
        "head": None,
        "stages": ["dw16 k3 s2 relu6", "mb24 k3 s2 e3 relu6", "mb32 k3 s1 e3 relu6"],
    }
)
GOALS = (Goal(name="val_accuracy", maximise=True), Goal(name="macs", maximise=False))


Make = Callable[..., Trial]


def round_of(
    brief: Brief, trials: list[Trial], count: int = 1, band: Niche | None = None, seed: int = 0
) -> Round:
    front = tuple(sorted(trials, key=lambda t: -t.score.val_accuracy if t.score else 0)[:1])
    request = Request(number=len(trials), count=count, trials=tuple(trials), front=front)
    past = follow(brief.space).over(trials)
    return Round(
        brief,
        request,
        count,
        tried(request, past),
        band,
        np.random.default_rng(seed),
        past,
        example=LEGAL if brief.limits else None,
    )


@pytest.fixture(scope="module")
def goals(brief: Brief) -> Brief:
    return brief.model_copy(update={"objectives": GOALS})


@pytest.fixture(scope="module")
def history(goals: Brief, trained: Make) -> list[Trial]:
    rng, found = np.random.default_rng(5), []
    while len(found) < 6:
        drawn = goals.space.sample(rng)
        if excess(drawn, goals) == 0:
            found.append(trained(goals, len(found), drawn, 0.5 + len(found) / 100))
    return found


@pytest.fixture
def cells(goals: Brief) -> Brief:
    return goals.model_copy(
        update={"space": CellSpace(), "limits": {}, "objectives": GOALS[:1], "num_classes": 100}
    )


ROLES: dict[str, Callable[[], Any]] = {
    "mutate": lambda: Mutate(edits=12, parents=3),
    "rank": lambda: Rank(candidates=5, explore=0.3, parents=3, listed="at_random"),
}


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("count", [1, 3])
def test_all_that_is_on_offer_is_legal_and_untried(
    goals: Brief, history: list[Trial], name: str, count: int
) -> None:
    known = {t.id for t in history}
    for seed in range(5):
        task = ROLES[name]().task(round_of(goals, history, count, seed=seed))
        (chosen,) = task.schema["properties"].values()
        assert chosen["minItems"] == chosen["maxItems"] == count
        for option in chosen["items"]["enum"]:
            assert option in task.text
            ((architecture, parent, *_),) = task.read(read_reply(f'{{"x": ["{option}"]}}'))
            assert goals.space.contains(architecture) and excess(architecture, goals) == 0
            assert architecture_id(architecture) not in known and (
                parent is None or parent in known
            )


@pytest.mark.parametrize("name", ROLES)
def test_a_role_can_begin_without_any_network(goals: Brief, name: str) -> None:
    task = ROLES[name]().task(round_of(goals, []))
    (chosen,) = task.schema["properties"].values()
    assert excess(task.read(read_reply(chosen["items"]["enum"][0]))[0].architecture, goals) == 0


@pytest.mark.parametrize("name", ROLES)
def test_cells_have_the_same_roles(cells: Brief, trained: Make, name: str) -> None:
    trials = [
        trained(cells, i, cells.space.sample(np.random.default_rng(i)), 0.5 + i / 100)
        for i in range(4)
    ]
    task = ROLES[name]().task(round_of(cells, trials))
    (chosen,) = task.schema["properties"].values()
    offered = {
        architecture_id(task.read(read_reply(option))[0].architecture)
        for option in chosen["items"]["enum"]
    }
    assert len(offered) == len(chosen["items"]["enum"]) and not offered & {t.id for t in trials}


def test_mutate_goes_on_to_another_parent_where_nothing_is_left(
    cells: Brief, trained: Make
) -> None:
    best = cells.space.sample(np.random.default_rng(0))
    around = list(cells.space.neighbours(best))
    trials = [
        trained(cells, i, each, 0.9 if i == 0 else 0.5) for i, each in enumerate([best, *around])
    ]
    task = Mutate(edits=24, parents=2).task(round_of(cells, trials))
    assert (
        task is not None
        and task.read(read_reply(task.schema["properties"]["edits"]["items"]["enum"][0]))[0].parent
        != trials[0].id
    )


def test_where_all_is_tried_the_task_is_another_s_and_says_so(cells: Brief, trained: Make) -> None:
    team = Team(
        Mutate(edits=24, parents=1),
        Rank(candidates=4, explore=0.5, parents=1, listed="largest_first"),
        Strategist(every=0, max_tokens=50),
    )
    best = cells.space.sample(np.random.default_rng(0))
    trials = [
        trained(cells, i, each, 0.9 if i == 0 else 0.5)
        for i, each in enumerate([best, *cells.space.neighbours(best)])
    ]
    assert team.task("mutate", round_of(cells, trials))[0] == "rank"


def test_niches_halve_the_limit_and_choose_the_parents(goals: Brief, history: list[Trial]) -> None:
    bands = [niche(goals, 3, place) for place in range(3)]
    assert [(band.low, band.high) for band in bands if band] == [
        (3e6, 6e6),
        (1.5e6, 3e6),
        (0, 1.5e6),
    ]
    assert (
        niche(goals, 1, 0) is None
        and niche(goals.model_copy(update={"objectives": GOALS[:1]}), 4, 0) is None
    )
    for band in bands:
        assert band is not None
        first = parents(round_of(goals, history, band=band), 1)[0]
        nearest = min(
            band.distance(t.verdict.cost) for t in history if t.verdict and t.verdict.cost
        )
        assert first.verdict and first.verdict.cost and band.distance(first.verdict.cost) == nearest


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ('{"order": ["C", "A"]}', ["C", "A"]),
        ('A good choice is this:\n```json\n{"order": ["B"]}\n```', ["B"]),
        ("<think>A or B? A.</think> C", ["C"]),
        ('{"order": ["B", "B", "A"', ["B", "A"]),
        ("B, then C", ["B", "C"]),
        ('{"order": {"best": "C", "next": ["A"]}}', ["C", "A"]),
        ('{"C": "the best", "B": "the next"}', ["C", "B"]),
        ('{"order": "A, then B"}', ["A", "B"]),
    ],
)
def test_options_are_read_however_they_are_wrapped(reply: str, read: list[str]) -> None:
    assert read_options(read_reply(reply), ["A", "B", "C"], 2) == read


def test_what_stands_beside_an_object_is_no_choice() -> None:
    with pytest.raises(ArchitectureError, match="names none"):
        read_options(read_reply('A is too large. {"order": []}'), ["A", "B"], 1)


def test_options_are_found_however_deeply_they_are_nested() -> None:
    depth = 900
    reply = read_reply('{"order": ' + "[" * depth + '"B"' + "]" * depth + "}")
    assert read_options(reply, ["A", "B"], 1) == ["B"]


def test_a_longer_option_is_not_taken_for_a_shorter_one() -> None:
    assert read_options(
        read_reply('{"edits": ["stage1.channels=16, stage1.kernel=5"]}'),
        ["stage1.channels=16", "stage1.channels=160"],
        1,
    ) == ["stage1.channels=16"]
    assert read_options(
        read_reply('{"edits": ["stage1.channels=160"]}'),
        ["stage1.channels=16", "stage1.channels=160"],
        1,
    ) == ["stage1.channels=160"]


@pytest.mark.parametrize("reply", ["", "D", "none of them", "ABC", "{}" * 9000])
def test_a_reply_without_an_option_is_refused_by_name(reply: str) -> None:
    with pytest.raises(
        ArchitectureError,
        match=r"names none of the 3 options, such as A; B; C|has 18000 characters",
    ):
        read_options(read_reply(reply), ["A", "B", "C"], 1)


def test_fewer_options_than_wanted_are_all_asked_for() -> None:
    assert options_schema("order", ["A", "B"], 5)["properties"]["order"]["minItems"] == 2


IMPOSSIBLE: list[Callable[[], Any]] = [
    lambda: Mutate(1, 1),
    lambda: Rank(30, 0.5, 1, "at_random"),
    lambda: Rank(4, 1.5, 1, "at_random"),
    lambda: Rank(4, 0.5, 1, "by name"),
    lambda: Strategist(-1, 10),
]


@pytest.mark.parametrize("make", IMPOSSIBLE)
def test_settings_that_cannot_work_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigError, match="propose"):
        make()


def test_without_a_model_the_first_of_the_list_is_proposed(cells: Brief) -> None:
    rank = Rank(candidates=8, explore=1.0, parents=1, listed="largest_first")
    (proposal,) = SamplerProposer(cells, rank, niches=1).propose(Request(number=3, count=1))
    assert proposal.architecture and proposal.usage.requests == 0
    listed = rank.candidates_of(
        replace(round_of(cells, []), rng=np.random.default_rng([cells.seed, 3]))
    )
    macs = [estimate_on(choice.architecture, 100, cells.platform).macs for choice in listed]
    assert listed[0].architecture == proposal.architecture and macs == sorted(macs, reverse=True)


@pytest.mark.parametrize("name", ["paper", "cells"])
def test_golden_prompts_of_each_role(
    name: str, paper_brief: Brief, cells: Brief, trained: Make, golden: Callable[[str, str], None]
) -> None:
    """The exact words of all that is asked, with three networks trained; a changed word is a
    changed searcher.
    """
    asked = cells if name == "cells" else paper_brief.model_copy(update={"objectives": GOALS})
    rng, trials = np.random.default_rng(1), []
    while len(trials) < 3:
        drawn = (
            asked.space.sample(rng)
            if name == "cells"
            else fresh_draw(round_of(asked, [], seed=len(trials)))
        )
        trials.append(trained(asked, len(trials), drawn, 0.5 + len(trials) / 100))
    given = round_of(asked, trials, band=niche(asked, 2, 0))
    roles = {
        "generate": Generate(),
        "mutate": Mutate(edits=6, parents=1),
        "rank": Rank(3, 0.5, 2, "largest_first"),
    }
    texts = {role: made.task(given).question for role, made in roles.items()}
    texts["strategist"] = Strategist(every=3, max_tokens=100).question(given)
    golden(
        f"roles_{name}.txt", "\n\n".join(f"[{role}]\n{text}" for role, text in texts.items()) + "\n"
    )


def test_every_change_of_a_network_has_a_short_name_of_its_own() -> None:
    space = load_space(
        "mcu", {"resolution": [32], "num_stages": [2, 3, 4], "stem": None, "head": None}
    )
    names: dict[str, str] = {}
    for other in space.neighbours(LEGAL):
        name = space.change_text(LEGAL, other)
        assert (
            names.setdefault(name, architecture_id(other)) == architecture_id(other)
            and len(name) < 40
        )
    assert {
        "double stage 1",
        "double stage 3",
        "drop stage 2",
        "stage3.channels=48",
        "stage1.skip=true",
    } <= names.keys()
