"""Claims of each kind, made by hand, true and false and such that cannot be told; and the paper's
of its own network.
"""

import pytest

from lmanet.claims.check import Truth, check_claims
from lmanet.claims.kinds import (
    CheaperThanParent,
    DownsamplesEarly,
    ExpectedAccuracy,
    PeakMemoryAt,
    Rationale,
    ResidualIn,
    SmallExpansion,
    SqueezeExciteIn,
    StrideOneIn,
    WidensLate,
)
from lmanet.cost import estimate
from lmanet.network import load_architecture
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict
from lmanet.space import Cell, architecture_id

ELITE = load_architecture("lmanet_elite")
# Strides 2, 2, 2, 1, 2; channels 16, 32, 48, 64, 128; SE in stage 4; skip in stage 2, whose second
# block has stride 1.


def trial(number, architecture, accuracy=None, claims=(), parent=None):
    """``accuracy`` stands for a training."""
    cost = None if isinstance(architecture, Cell) else estimate(architecture, 100)
    return Trial(
        number=number,
        status=Status.REJECTED if accuracy is None else Status.TRAINED,
        proposal=Proposal(
            proposer="double",
            architecture=architecture,
            parent=architecture_id(parent) if parent else None,
            rationale=Rationale(claims=tuple(claims)),
        ),
        verdict=Verdict(accepted=True, cost=cost),
        score=None if accuracy is None else Score(val_accuracy=accuracy, seconds=1),
        seed=0,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1,
        elapsed_seconds=1,
    )


def changed(place, **fields):
    """LMaNet-Elite with another stage at ``place``, from 1."""
    stages = list(ELITE.stages)
    stages[place - 1] = stages[place - 1].model_copy(update=fields)
    return ELITE.model_copy(update={"stages": tuple(stages)})


def check(claim, architecture=ELITE, others=(), **kwargs):
    one = trial(9, architecture, claims=[claim], **kwargs)
    (checked,) = check_claims(one, [*others, one])
    assert checked.words and checked.reason
    return checked


FORM = [
    (ResidualIn(stages=(2,)), ELITE, Truth.TRUE, "each of them"),
    (ResidualIn(stages=(2, 3)), ELITE, Truth.FALSE, "stage 3 has none"),
    (ResidualIn(stages=(3,)), changed(3, skip=True, layers=1), Truth.FALSE, "never acts"),
    (ResidualIn(stages=(4,)), changed(4, block="conv", skip=True), Truth.TRUE, "each of them"),
    (
        ResidualIn(stages=(4,)),
        changed(4, block="conv", skip=True, layers=1),
        Truth.FALSE,
        "its one block changes the channels",
    ),
    (ResidualIn(stages=(6,)), ELITE, Truth.FALSE, "no stage 6"),
    (StrideOneIn(stages=(4,)), ELITE, Truth.TRUE, "stride 1"),
    (StrideOneIn(stages=(4, 5)), ELITE, Truth.FALSE, "stage 5 has stride 2"),
    (SqueezeExciteIn(stages=(4,)), ELITE, Truth.TRUE, "has it"),
    (SqueezeExciteIn(stages=(1, 4)), ELITE, Truth.FALSE, "stage 1 has none"),
    (SqueezeExciteIn(stages=(4,)), changed(4, block="fused"), Truth.TRUE, "has it"),
    (SqueezeExciteIn(stages=(4,)), changed(4, block="conv"), Truth.FALSE, "stage 4 has none"),
    (DownsamplesEarly(), ELITE, Truth.TRUE, "40x40 of 160x160"),
    (DownsamplesEarly(), changed(2, stride=1), Truth.FALSE, "80x80 of 160x160"),
    (WidensLate(), ELITE, Truth.TRUE, "16, 32, 48, 64, 128"),
    (WidensLate(), changed(2, channels=256), Truth.FALSE, "256"),
    (WidensLate(), changed(1, channels=96), Truth.FALSE, "96, 32"),
    (SmallExpansion(), ELITE, Truth.TRUE, "1, 1, 3, 3, 3"),
    (SmallExpansion(), changed(4, expansion=4), Truth.FALSE, "1, 1, 3, 4, 3"),
    (SmallExpansion(), changed(4, block="fused", expansion=4), Truth.FALSE, "1, 1, 3, 4, 3"),
    (SmallExpansion(), changed(4, block="conv", expansion=4), Truth.TRUE, "1, 1, 3, 1, 3"),
    (PeakMemoryAt(part="stage2"), ELITE, Truth.TRUE, "stage2."),
    (PeakMemoryAt(part="stage5"), ELITE, Truth.FALSE, "stage2."),
    (PeakMemoryAt(part="stem"), ELITE, Truth.FALSE, "stage2."),
]


@pytest.mark.parametrize(("claim", "architecture", "truth", "reason"), FORM)
def test_a_claim_on_the_form(claim, architecture, truth, reason):
    checked = check(claim, architecture)
    assert checked.truth is truth
    assert reason in checked.reason


def test_of_a_cell_the_form_cannot_be_told():
    cell = Cell(operations=("nor_conv_3x3",) * 6)
    assert check(DownsamplesEarly(), cell).truth is Truth.UNKNOWN


SMALLER = changed(5, layers=2)
SAVING = 100 * (1 - estimate(SMALLER, 100).macs / estimate(ELITE, 100).macs)


@pytest.mark.parametrize(
    ("architecture", "by_percent", "truth"),
    [
        (SMALLER, 0, Truth.TRUE),
        (SMALLER, SAVING - 0.01, Truth.TRUE),
        (SMALLER, SAVING + 0.01, Truth.FALSE),
        (changed(5, layers=4), 0, Truth.FALSE),
        (changed(1, activation="hard_swish"), 0, Truth.FALSE),  # as many MACs
    ],
)
def test_cheaper_than_its_parent(architecture, by_percent, truth):
    claim = CheaperThanParent(quantity="macs", by_percent=by_percent)
    checked = check(claim, architecture, [trial(1, ELITE, 0.5)], parent=ELITE)
    assert checked.truth is truth
    assert f"{estimate(ELITE, 100).macs:,}" in checked.reason


def test_without_a_parent_or_its_quantity_a_saving_cannot_be_told():
    claim = CheaperThanParent(quantity="macs", by_percent=0)
    assert check(claim, SMALLER).truth is Truth.UNKNOWN
    assert check(claim, SMALLER, parent=ELITE).truth is Truth.UNKNOWN
    # no core, no latency
    latency = CheaperThanParent(quantity="estimated_latency_ms", by_percent=0)
    assert check(latency, SMALLER, [trial(1, ELITE)], parent=ELITE).truth is Truth.UNKNOWN


BEFORE = [
    trial(1, ELITE, 0.5),
    trial(2, changed(1, channels=8), 0.7),
    trial(3, changed(1, channels=24)),
]


@pytest.mark.parametrize(
    ("accuracy", "expected", "than", "truth"),
    [
        (0.55, "higher", "parent", Truth.TRUE),
        (0.45, "higher", "parent", Truth.FALSE),
        (0.45, "lower", "parent", Truth.TRUE),
        (0.5, "higher", "parent", Truth.FALSE),
        (0.5, "lower", "parent", Truth.FALSE),
        (0.71, "higher", "best", Truth.TRUE),
        (0.65, "higher", "best", Truth.FALSE),
        (0.65, "higher", "mean", Truth.TRUE),
        (0.55, "higher", "mean", Truth.FALSE),
        (0.55, "lower", "mean", Truth.TRUE),
    ],
)
def test_expected_accuracy(accuracy, expected, than, truth):
    claim = ExpectedAccuracy(expected=expected, than=than)
    after = trial(10, changed(1, channels=32), 0.99)  # trained later: it counts in nothing
    assert check(claim, SMALLER, [*BEFORE, after], accuracy=accuracy, parent=ELITE).truth is truth


@pytest.mark.parametrize("than", ["parent", "best", "mean"])
def test_an_expectation_cannot_be_told_before_the_training_or_with_nothing_to_hold_against(than):
    claim = ExpectedAccuracy(expected="higher", than=than)
    assert check(claim, SMALLER, BEFORE, parent=ELITE).truth is Truth.UNKNOWN
    assert check(claim, SMALLER, accuracy=0.9, parent=ELITE).truth is Truth.UNKNOWN


def test_a_duplicate_of_the_parent_does_not_hide_its_training():
    claim = ExpectedAccuracy(expected="higher", than="parent")
    assert (
        check(
            claim, SMALLER, [trial(1, ELITE, 0.5), trial(2, ELITE)], accuracy=0.6, parent=ELITE
        ).truth
        is Truth.TRUE
    )


def test_the_papers_explanation_of_its_own_network():
    printed = {
        "residual connections in selected layers": ResidualIn(stages=(2,)),
        "stride 1 in later blocks": StrideOneIn(stages=(4, 5)),
        "early downsampling": DownsamplesEarly(),
        "small expansion": SmallExpansion(),
    }
    found = {said: check(claim).truth for said, claim in printed.items()}
    assert found == {
        "residual connections in selected layers": Truth.TRUE,  # in one of five stages
        "stride 1 in later blocks": Truth.FALSE,  # stage 5 has stride 2
        "early downsampling": Truth.TRUE,
        "small expansion": Truth.TRUE,
    }
    others = [
        number for number in (1, 3, 4, 5) if check(ResidualIn(stages=(number,))).truth is Truth.TRUE
    ]
    assert others == []


def test_what_bears_no_rationale_has_no_claims():
    silent = trial(0, ELITE).model_copy(
        update={"proposal": Proposal(proposer="random", architecture=ELITE)}
    )
    assert check_claims(silent, [silent]) == []
