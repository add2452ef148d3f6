"""A feedback that has followed a search says what one that meets its history anew would say."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.feedback import ParetoFeedback
from lmanet.run.records import Status, Trial
from lmanet.space import Space

Make = Callable[..., tuple[list[Trial], list[Trial]]]
SETTINGS: dict[str, Any] = {"recent_failures": 5, "runners_up": 3, "wrong_claims": 3}


@pytest.mark.parametrize("max_tokens", [400, 2000])
def test_a_text_after_every_trial_is_the_text_from_scratch(
    space: Space, make_history: Make, max_tokens: int
) -> None:
    trials, _ = make_history(space, 80)
    followed = ParetoFeedback(space, max_tokens, **SETTINGS)
    for length in range(0, 81, 4):
        front = make_history(space, length)[1]
        anew = ParetoFeedback(space, max_tokens, **SETTINGS)
        assert followed.compose(trials[:length], front) == anew.compose(trials[:length], front)


@given(order=st.permutations(range(24)), paused=st.sets(st.integers(0, 23), max_size=8))
def test_it_is_so_where_candidates_pause_and_end_in_any_order(
    space: Space, make_history: Make, order: list[int], paused: set[int]
) -> None:
    trials, _ = make_history(space, 24)
    followed = ParetoFeedback(space, 3000, **SETTINGS)
    kept: dict[int, Trial] = {}
    lines = [n for n in order if n in paused and trials[n].score] + order
    for place, number in enumerate(lines):
        trial = trials[number]
        if number not in kept and number in lines[place + 1 :]:
            trial = trial.model_copy(update={"status": Status.PAUSED})
        kept.pop(number, None)
        kept[number] = trial
        seen = list(kept.values())
        front = [trial for trial in seen if trial.eligible][:3]
        anew = ParetoFeedback(space, 3000, **SETTINGS)
        assert followed.compose(seen, front) == anew.compose(seen, front)


def test_another_history_is_told_as_if_it_were_the_first(space: Space, make_history: Make) -> None:
    followed, anew = (ParetoFeedback(space, 3000, **SETTINGS) for _ in range(2))
    followed.compose(*make_history(space, 60))
    trials, front = make_history(space, 40)
    assert followed.compose(trials[20:], front) == anew.compose(trials[20:], front)
