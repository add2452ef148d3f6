"""How probabilities of single tokens become an order of networks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.propose import Rank
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.scoring import Digits, Letters, Pairs
from lmanet.propose.roles.task import Choice, Round
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Trial
from lmanet.space import CellSpace, architecture_id

CELLS = [CellSpace().sample(np.random.default_rng(i)) for i in range(12)]
FOUR = [Choice(cell) for cell in CELLS[:4]]
BIAS = {"A": -0.1, "B": -2.0, "C": -3.0, "D": -4.0}


def name(choice: Choice) -> str:
    return architecture_id(choice.architecture)


def quality(choice: Choice) -> float:
    """What a model that knows would add to a letter's logarithm; the last is the best."""
    return 0.1 * FOUR.index(choice)


@pytest.fixture
def given(trained: Callable[..., Trial]) -> Round:
    goal = Goal(name="val_accuracy", maximise=True)
    brief = Brief(
        space=CellSpace(), seed=0, images="photos", num_classes=100, limits={}, objectives=(goal,)
    )
    trials = [trained(brief, i, CELLS[4 + i], accuracy=0.5 + (i * 3 % 8) / 100) for i in range(8)]
    past = follow(brief.space).over(trials)
    request = Request(number=8, count=1, trials=tuple(trials), compose=lambda: "FEEDBACK")
    rng = np.random.default_rng(0)
    return Round(brief, request, 1, tried(request, past), None, rng, past)


def answered(text: str) -> dict[str, float]:
    """As a model that likes the first letters, and knows a little."""
    shown = dict(line.split(": ", 1) for line in text.splitlines() if line[1:3] == ": ")
    known = {name(choice): quality(choice) for choice in FOUR}
    return {letter: BIAS[letter] + known.get(shown[letter], 0.0) for letter in shown}


def order(way: Any, given: Round) -> list[Choice]:
    scoring = way.scoring(given, FOUR, name)
    return [choice for choice, _ in scoring.read([answered(text) for text in scoring.texts])]


def test_a_liking_for_the_first_letter_decides_one_raw_list(given: Round) -> None:
    assert order(Letters(1, calibrated=False), given) == FOUR


@pytest.mark.parametrize("way", [Letters(4, False), Letters(1, True), Letters(2, True), Pairs()])
def test_rotations_calibration_and_pairs_take_the_liking_out(way: Any, given: Round) -> None:
    found = order(way, given)
    assert found[0] == FOUR[3] and (isinstance(way, Pairs) or found == FOUR[::-1])


def test_a_letter_that_is_not_told_gets_the_least_that_is(given: Round) -> None:
    scoring = Letters(1, False).scoring(given, FOUR, name)
    found = scoring.read([{"C": -0.1, "the": -6.0}])
    assert found == [(FOUR[2], -0.1), *((FOUR[i], -6.0) for i in (0, 1, 3))]


@pytest.mark.parametrize("read", ["logprobs", "pairs", "digits"])
def test_what_holds_no_answer_is_refused(read: str, given: Round) -> None:
    scoring = Rank(4, 0.5, 1, "at_random", read=read).scoring(given, FOUR)
    assert scoring
    with pytest.raises(ArchitectureError, match="among the likeliest"):
        scoring.read([{"The": -0.1}] * len(scoring.texts))


def test_digits_weigh_all_that_are_told(given: Round) -> None:
    scoring = Digits(8).scoring(given, FOUR[:2])
    half = float(np.log(0.5))
    found = scoring.read([{"2": half, "4": half, "x": -0.1}, {"5": -0.2}])
    assert found == [(FOUR[1], 5.0), (FOUR[0], pytest.approx(3.0))]


def test_examples_are_ranked_and_stand_in_the_order_of_the_trials(given: Round) -> None:
    text = Digits(8).scoring(given, FOUR).texts[0]
    # accuracies 0, 3, 6, 1, 4, 7, 2, 5 of 8, in tenths of the ranking
    assert [line[-1] for line in text.splitlines()[1:9]] == list("03715826")
    few = Digits(3).scoring(given, FOUR).texts[0].splitlines()
    assert len(few) == len(text.splitlines()) - 5 and few[1:4] != sorted(few[1:4])


def test_evidence_shows_the_nearest_trained_networks(given: Round) -> None:
    rank = Rank(4, 0.0, 1, "at_random", read="logprobs", evidence=2)
    task = rank.task(given)
    assert task and task.scoring
    best = given.past.ranked()[0].trial.score
    assert best and "like the network of rank 1 of 8, accuracy 0.570, which has" in task.text
    assert task.text.count("like the network") <= 8
    assert task.scoring.texts[0].count("like the network") == task.text.count("like the network")


def test_digits_need_a_few_trained_networks(given: Round) -> None:
    rank = Rank(4, 1.0, 1, "at_random", read="digits")
    empty = follow(given.brief.space).over([])
    first = Round(given.brief, Request(number=0, count=1), 1, (), None, given.rng, empty)
    assert rank.task(first).scoring is None and rank.task(given).scoring is not None


def test_a_run_that_tells_nothing_shows_no_history_either(given: Round) -> None:
    silent = replace(given, request=given.request.model_copy(update={"compose": str}))
    task = Rank(4, 0.0, 1, "at_random", read="digits", evidence=2).task(silent)
    assert task and task.scoring is None and "like the network" not in task.text
    letters = Rank(4, 0.0, 1, "at_random", read="logprobs", evidence=2).task(silent)
    assert letters and letters.scoring and "like the network" not in letters.scoring.texts[0]


@pytest.mark.parametrize("wrong", [{"read": "aloud"}, {"rotations": 0}, {"evidence": -1}])
def test_ways_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="conf/propose, rank"):
        Rank(4, 0.5, 1, "at_random", **wrong)


def test_golden_prompts_of_each_way(given: Round, golden: Callable[[str, str], None]) -> None:
    texts = {}
    for way in ("logprobs", "pairs", "digits"):
        given.rng.bit_generator.state = np.random.default_rng(1).bit_generator.state
        task = Rank(3, 0.5, 2, "at_random", read=way, calibrated=True, evidence=1).task(given)
        assert task and task.scoring
        texts[way] = f"{task.scoring.texts[0]}\n\n... {task.scoring.texts[-1]}"
    golden("roles_scoring.txt", "\n\n".join(f"[{way}]\n{text}" for way, text in texts.items()))
