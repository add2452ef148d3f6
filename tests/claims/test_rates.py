"""Rates of true claims, counted by hand."""

import pytest
from scipy.stats import binomtest

from lmanet.claims.kinds import (
    DownsamplesEarly,
    ExpectedAccuracy,
    Rationale,
    StrideOneIn,
    WidensLate,
)
from lmanet.claims.rates import ALL, rates, unreadable
from lmanet.cost import estimate
from lmanet.network import load_architecture
from lmanet.run.records import Proposal, Status, Trial, Verdict

NETWORKS = [load_architecture(name) for name in ("lmanet_elite", "lmanet_core", "qwnet_core")]


def trial(number, claims, proposer="double", faults=()):
    architecture = NETWORKS[number]
    return Trial(
        number=number,
        status=Status.REJECTED,
        proposal=Proposal(
            proposer=proposer,
            architecture=architecture,
            rationale=Rationale(claims=claims, faults=faults),
        ),
        verdict=Verdict(accepted=False, cost=estimate(architecture, 100)),
        seed=0,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1,
        elapsed_seconds=1,
    )


def strides(architecture):
    return [stage.stride for stage in architecture.stages]


def test_true_false_and_untold_are_counted_by_kind():
    assert [strides(network)[4] for network in NETWORKS] == [2, 1, 2], (
        "what the figures below are counted from"
    )
    told = [
        trial(
            0,
            (StrideOneIn(stages=(5,)), ExpectedAccuracy(expected="higher", than="best")),
            faults=("nonsense",),
        ),
        trial(1, (StrideOneIn(stages=(5,)),)),
        trial(2, ()),
    ]
    by_kind = {rate.kind: rate for rate in rates(told)}
    assert list(by_kind) == [ALL, "expected_accuracy", "stride_1_in"]
    every, stride = by_kind[ALL], by_kind["stride_1_in"]
    assert (every.true, every.false, every.unknown) == (1, 1, 1)
    assert every.rate == stride.rate == 0.5
    expected = binomtest(1, 2).proportion_ci(0.95, method="wilson")
    assert stride.interval == pytest.approx((expected.low, expected.high))
    # Of the two others of trial 0 one has stride 1 there; of those of trial 1 none.
    assert stride.chance == pytest.approx((0.5 + 0.0) / 2)
    assert (stride.form_true, stride.form_known) == (1, 2)
    assert by_kind["expected_accuracy"].rate is None
    assert by_kind["expected_accuracy"].chance is None
    assert unreadable(told) == {"double": 1}


def test_proposers_are_told_apart():
    told = [trial(0, (DownsamplesEarly(),), "small"), trial(1, (WidensLate(),), "large")]
    assert [(rate.proposer, rate.kind) for rate in rates(told)] == [
        ("large", ALL),
        ("large", "widens_late"),
        ("small", ALL),
        ("small", "downsamples_early"),
    ]


def test_nobody_claims_anything():
    assert rates([trial(0, ())]) == []
