"""The exact words of the feedback, and what each choice tells."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from lmanet.claims.kinds import PeakMemoryAt, Rationale
from lmanet.errors import ConfigError
from lmanet.feedback import BestOnlyFeedback, NoFeedback, ParetoFeedback
from lmanet.network import parse_architecture
from lmanet.run.records import Status, Trial
from lmanet.space import Form, Space, architecture_id
from lmanet.tokens import count_tokens

Make = Callable[..., tuple[list[Trial], list[Trial]]]


def test_golden_texts(space: Space, make_history: Make, golden: Callable[[str, str], None]) -> None:
    pareto = ParetoFeedback(space, max_tokens=2500, recent_failures=5)
    long = make_history(space, 60)
    golden("pareto.txt", pareto.compose(*long))
    golden(
        "pareto_short_of_room.txt",
        ParetoFeedback(space, max_tokens=700, recent_failures=5).compose(*long),
    )
    golden("pareto_nothing_trained.txt", pareto.compose(*make_history(space, 5)))
    golden("best_only.txt", BestOnlyFeedback(space, max_tokens=1000).compose(*long))


def test_nothing_is_told_before_the_first_trial(space: Space) -> None:
    for composer in (
        ParetoFeedback(space, 100, 5),
        BestOnlyFeedback(space, 100),
        NoFeedback(space),
    ):
        assert composer.compose([], []) == ""


def test_no_feedback_tells_nothing(space: Space, make_history: Make) -> None:
    assert NoFeedback(space).compose(*make_history(space, 60)) == ""


@pytest.mark.parametrize("max_tokens", [100, 200, 400, 700, 1000, 1500, 2500, 5000])
def test_keeps_the_budget_and_whole_lines(
    space: Space, make_history: Make, max_tokens: int
) -> None:
    trials, front = make_history(space, 300)
    text = ParetoFeedback(space, max_tokens, recent_failures=50).compose(trials, front)
    everything = ParetoFeedback(space, 100_000, recent_failures=50).compose(trials, front)
    assert count_tokens(text) <= max_tokens
    kept = [line for line in text.splitlines() if "left out" not in line]
    assert set(kept) <= set(everything.splitlines())
    told = sum(line.startswith("- ") for line in kept)
    assert (told < sum(line.startswith("- ") for line in everything.splitlines())) == (
        "left out" in text
    )


def test_what_is_shown_can_be_proposed_to_the_letter(space: Space, make_history: Make) -> None:
    trials, front = make_history(space, 60)
    best = front[0].architecture
    assert best is not None
    for form in get_args(Form):
        text = BestOnlyFeedback(space, 1000, form).compose(trials, front)
        shown = text[text.index("{") :]
        assert shown == space.write_proposal(best, form)
        assert architecture_id(space.parse(json.loads(shown))) == architecture_id(best)


def test_a_curve_tells_what_each_doubling_of_the_trained_networks_has_brought(
    space: Space, make_history: Make
) -> None:
    trials, front = make_history(space, 60)
    reached = [each.score.val_accuracy for each in trials if each.status is Status.TRAINED]
    text = ParetoFeedback(space, 5000, recent_failures=5, curve=True).compose(trials, front)
    told = re.search(r"Best accuracy after (.+) trained: (.+)\.\n", text)
    assert told is not None and told[1] == "1, 2, 4, 8, 14" and len(reached) == 14
    assert told[2] == ", ".join(f"{max(reached[:n]):.3f}" for n in (1, 2, 4, 8, 14))
    without = ParetoFeedback(space, 5000, recent_failures=5).compose(trials, front)
    assert text.replace(told[0], "") == without
    nothing_trained = make_history(space, 5)
    text = ParetoFeedback(space, 5000, recent_failures=5, curve=True).compose(*nothing_trained)
    assert "Best accuracy" not in text


def test_failures_say_why_once_and_show_no_network(space: Space, make_history: Make) -> None:
    trials, _ = make_history(space, 60)
    failed = [trial for trial in trials if not trial.eligible][-5:]
    text = ParetoFeedback(space, 5000, recent_failures=5).compose(failed * 3, [])
    told = text.partition("Failures, newest first:\n")[2].partition("\n\n")[0].splitlines()
    assert len(told) == 5 == len(set(told)) and "{" not in "".join(told)
    assert str(failed[-1].status) in told[0]


def test_fields_that_the_space_fixes_are_not_written(space: Space, make_history: Make) -> None:
    _, front = make_history(space, 60)
    architecture = front[0].architecture
    assert architecture is not None
    written = space.write_proposal(architecture)
    assert "resolution" not in written and "padding" not in written and "same" not in written
    assert parse_architecture(architecture.model_dump()) == architecture


def test_a_best_network_without_room_is_said(space: Space, make_history: Make) -> None:
    assert (
        BestOnlyFeedback(space, max_tokens=100, form="json").compose(*make_history(space, 60))
        == "(1 line left out to save room)"
    )


@pytest.mark.parametrize(
    "make", [lambda space: ParetoFeedback(space, 10, 5), lambda space: BestOnlyFeedback(space, 99)]
)
def test_a_budget_for_nothing_is_refused(space: Space, make: Callable[[Space], Any]) -> None:
    with pytest.raises(ConfigError, match=r"feedback\.max_tokens"):
        make(space)


def test_a_paused_network_is_neither_a_failure_nor_compared(
    space: Space, make_history: Make
) -> None:
    trials, front = make_history(space, 60)
    trained = [trial for trial in trials if trial.eligible and trial not in front]
    paused = [
        trial.model_copy(update={"status": Status.PAUSED}) if trial in trained else trial
        for trial in trials
    ]
    text = ParetoFeedback(space, 5000, recent_failures=50, runners_up=50).compose(paused, front)
    assert (
        f"{len(front)} trained, {len(trained)} paused" in text
        and f"Averages of the {len(front)} trained" in text
    )
    assert "- paused" not in text and not any(
        space.write_proposal(trial.architecture, "lines") in text for trial in trained
    )


def test_a_model_is_told_what_it_claimed_wrongly(space: Space, make_history: Make) -> None:
    trials, front = make_history(space, 20)
    place = next(i for i, trial in enumerate(trials) if trial.status is Status.TRAINED)
    cost = trials[place].verdict.cost
    right, wrong = (
        PeakMemoryAt(part=cost.peak_operator.partition(".")[0]),
        PeakMemoryAt(part="classifier"),
    )
    said = trials[place].proposal.model_copy(update={"rationale": Rationale(claims=(right, wrong))})
    trials[place] = trials[place].model_copy(update={"proposal": said})
    text = ParetoFeedback(space, 5000, recent_failures=5, wrong_claims=3).compose(trials, front)
    facts = f"{cost.peak_sram_bytes:,} bytes at {cost.peak_operator}"
    accuracy = trials[place].score.val_accuracy
    assert (
        f'- "peak memory at classifier", of the network with accuracy {accuracy:.3f}, macs ' in text
        and facts in text
        and text.count("peak memory at") == 1
    )
    assert "peak memory" not in ParetoFeedback(space, 5000, recent_failures=5).compose(
        trials, front
    )
