"""Design rules held against a history whose figures are counted by hand."""

import pytest

from lmanet.claims.check import Truth
from lmanet.claims.rules import varied, weigh
from lmanet.run.records import Proposal, Score, Status, Trial
from lmanet.run.results import Rule
from lmanet.space import Cell, CellSpace, load_space

SPACE = load_space("mcu")


def trial(number, accuracy, kernel=3, skip=True, status=Status.TRAINED):
    """``accuracy`` stands for a training."""
    stage = {
        "block": "mbconv", "channels": 32, "kernel": kernel, "stride": 2, "expansion": 2,
        "se_ratio": 0, "skip": skip, "activation": "relu6", "layers": 2,
    }  # fmt: skip
    architecture = SPACE.parse(
        {"resolution": 32, "stem": None, "head": None, "stages": [stage] * 3}
    )
    return Trial(
        number=number,
        status=status,
        proposal=Proposal(proposer="double", architecture=architecture),
        score=Score(val_accuracy=accuracy, seconds=1),
        seed=0,
        started_at="",
        seconds=1,
        elapsed_seconds=1,
    )


HISTORY = [
    trial(0, 0.5),
    trial(1, 0.6, skip=False),
    trial(2, 0.7, kernel=5),
    trial(3, 0.5, kernel=5, skip=False),
    trial(4, 0.8, kernel=5, status=Status.PAUSED),  # not trained to the end: it counts in nothing
]


def rule(value, effect, choice="stage1.kernel"):
    return Rule(choice=choice, value=value, effect=effect)


def test_for_and_against_are_counted_against_the_mean_of_the_others():
    found = weigh(rule(5, "raises"), HISTORY, SPACE)
    # With 5: 0.7 and 0.5, mean 0.6; others 0.5 and 0.6, mean 0.55.
    assert (
        found.difference == pytest.approx(0.05) and found.truth is Truth.TRUE and found.others == 2
    )
    assert (found.supporting, found.opposing) == ((2,), (3,))


def test_the_opposite_rule_is_false_by_the_same_figures():
    found = weigh(rule(5, "lowers"), HISTORY, SPACE)
    assert found.difference == pytest.approx(0.05) and found.truth is Truth.FALSE
    assert (found.supporting, found.opposing) == ((3,), (2,))


def test_pairs_differ_in_this_choice_alone():
    alone = [trial(0, 0.5), trial(1, 0.6)]
    changed = [
        one.model_copy(
            update={
                "number": one.number + 2,
                "proposal": Proposal(proposer="double", architecture=_first(one, 5)),
            }
        )
        for one in alone
    ]
    changed[0] = changed[0].model_copy(update={"score": Score(val_accuracy=0.9, seconds=1)})
    found = weigh(rule(5, "raises"), [*alone, *changed], SPACE)
    # 0.9 against 0.5 and 0.6, 0.6 against 0.5; 0.6 against 0.6 is neither.
    assert (found.pairs_for, found.pairs_against) == (3, 0)
    assert weigh(rule(5, "raises"), HISTORY, SPACE).pairs_for == 0, "there all three stages differ"


def _first(one, kernel):
    stages = one.architecture.stages
    return one.architecture.model_copy(
        update={"stages": (stages[0].model_copy(update={"kernel": kernel}), *stages[1:])}
    )


@pytest.mark.parametrize(
    ("choice", "value"), [("stage1.kernel", 7), ("stage9.kernel", 5), ("stage1.skip", 1)]
)
def test_with_too_few_on_either_side_nothing_is_said(choice, value):
    found = weigh(rule(value, "raises", choice), HISTORY, SPACE)
    assert found.truth is Truth.UNKNOWN and found.difference is None


def test_only_choices_that_varied_can_be_asked_about():
    worth = varied(HISTORY, SPACE)
    assert worth["stage1.kernel"] == [3, 5] and worth["stage2.skip"] == [False, True]
    assert "stage1.channels" not in worth and varied(HISTORY[:1], SPACE) == {}


def test_values_stand_in_rising_order():
    wide = [trial(number, 0.5).architecture for number in range(6)]
    trials = []
    for number, (architecture, channels) in enumerate(
        zip(wide, (128, 128, 8, 8, 32, 32), strict=True)
    ):
        stages = (
            architecture.stages[0].model_copy(update={"channels": channels}),
            *architecture.stages[1:],
        )
        proposal = Proposal(
            proposer="double", architecture=architecture.model_copy(update={"stages": stages})
        )
        trials.append(trial(number, 0.5).model_copy(update={"proposal": proposal}))
    assert varied(trials, SPACE) == {"stage1.channels": [8, 32, 128]}


def test_cells_have_rules_too():
    cells = [
        Cell(operations=(operation, *["nor_conv_3x3"] * 5))
        for operation in ("none", "none", "nor_conv_1x1", "nor_conv_1x1")
    ]
    trials = [
        trial(number, accuracy).model_copy(
            update={"proposal": Proposal(proposer="double", architecture=cell)}
        )
        for number, (cell, accuracy) in enumerate(zip(cells, (0.1, 0.2, 0.8, 0.9), strict=True))
    ]
    (choice,) = varied(trials, CellSpace())
    found = weigh(rule("conv1", "raises", choice), trials, CellSpace())
    assert found.truth is Truth.TRUE and found.difference == pytest.approx(0.7)
