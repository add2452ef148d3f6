"""The one hint, rule by rule, and the coverage of the space."""

from collections.abc import Callable
from typing import Any

import pytest

from lmanet.feedback import hints
from lmanet.feedback.lines import tries, untried
from lmanet.run.records import Status, Trial, Verdict, Violation
from lmanet.space import Space

Make = Callable[..., tuple[list[Trial], list[Trial]]]


def hint(trials: list[Trial], front: list[Trial]) -> str:
    newest = max(trial.number for trial in trials)
    return hints.hint(trials[-hints.RECENT :], front, newest)


@pytest.fixture
def trained(space: Space, make_history: Make) -> Trial:
    trials, _ = make_history(space, 60)
    return next(trial for trial in trials if trial.status is Status.TRAINED)


def broken(trial: Trial, number: int, *rules: str) -> Trial:
    verdict = Verdict(
        accepted=False, violations=tuple(Violation(rule=rule, hint=rule) for rule in rules)
    )
    return trial.model_copy(
        update={"number": number, "status": Status.REJECTED, "verdict": verdict, "score": None}
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("macs", "too many MACs"),
        ("peak_sram_bytes", "too much SRAM"),
        ("flash_bytes", "too many weights"),
        ("params", "too many parameters"),
        ("duplicate", "proposed before"),
        ("membership", "not legal"),
    ],
)
def test_what_most_failed_by(trained: Trial, rule: str, words: str) -> None:
    trials = [broken(trained, i, rule, *(["macs"] if i % 4 == 0 else [])) for i in range(8)]
    assert words in hint(trials, [trained])
    assert words not in hint([*trials, *[trained] * 10], [trained])


def test_unreadable_answers(trained: Trial) -> None:
    unreadable = trained.model_copy(
        update={"status": Status.UNPARSABLE, "verdict": None, "score": None}
    )
    assert "could not be read" in hint([unreadable] * 3, [])


def test_no_front_then_growth_then_standstill(trained: Trial) -> None:
    def at(number: int) -> Trial:
        return trained.model_copy(update={"number": number})

    assert "No network within the limits" in hint([at(0)], [])
    assert "a few changes away" in hint([at(i) for i in range(20)], [at(0)])
    assert "have not changed" in hint([at(i) for i in range(21)], [at(0)])


def test_coverage_names_what_no_network_used(
    space: Space, trained: Trial, make_history: Make
) -> None:
    stage: Any = {
        "kernel": 5,
        "stride": 1,
        "block": "mbconv",
        "se_ratio": 0.0,
        "skip": True,
        "layers": 2,
        "channels": 8,
        "expansion": 6,
    }
    architecture = trained.architecture
    assert architecture is not None
    stages = tuple(
        each.model_copy(update=stage | {"activation": "swish"}) for each in architecture.stages[:3]
    )
    plain = architecture.model_copy(update={"stages": stages, "stem": None, "head": None})
    trial = trained.model_copy(
        update={"proposal": trained.proposal.model_copy(update={"architecture": plain})}
    )
    lines = untried(tries(trial, space), space)
    assert (
        "- stage kernel: 3, 7" in lines
        and "- stage se_ratio: 0.25, 0.5" in lines
        and "- stage skip: False" in lines
    )
    assert "- number of stages: 4" in lines and "- stem channels: 8, 16, 24, 32" in lines
    assert not any(line.startswith(("- resolution", "- padding")) for line in lines)
    many = {used for trial in make_history(space, 300)[0] for used in tries(trial, space)}
    assert untried(many, space) == []
