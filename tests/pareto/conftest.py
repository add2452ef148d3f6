"""Trials made to order: real records around a verdict and a score of the test's own numbers."""

from collections.abc import Callable

import pytest

from lmanet.cost import Cost
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict, Violation


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., Trial]:
    def make(
        number: int,
        accuracy: float,
        macs: int,
        sram: int = 0,
        params: int = 0,
        feasible: bool = True,
    ) -> Trial:
        broken = () if feasible else (Violation(rule="macs", hint="too many", given=macs, limit=1),)
        return Trial(
            number=number,
            status=Status.TRAINED,
            proposal=Proposal(proposer="test"),
            verdict=Verdict(
                accepted=True, cost=Cost(macs, params, "plain", sram, 0, "conv"), violations=broken
            ),
            score=Score(
                val_accuracy=accuracy, val_macro_f1=accuracy, val_calibration_error=0.0, seconds=1.0
            ),
            seed=0,
            started_at="",
            seconds=1.0,
            elapsed_seconds=1.0,
        )

    return make
