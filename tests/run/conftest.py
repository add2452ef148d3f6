"""Trials without networks, and small histories in which candidates end, pause and go on."""

from collections.abc import Callable

import pytest

from lmanet.run.records import Epoch, Proposal, Score, Status, Trial, Usage


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., Trial]:
    def make(number: int, status: Status = Status.TRAINED, accuracy: float = 0.5) -> Trial:
        epoch = Epoch(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=accuracy, seconds=3.0)
        score = Score(val_accuracy=accuracy, seconds=3.0, curve=(epoch,))
        usage = Usage(prompt_tokens=1000, completion_tokens=200, requests=1, seconds=2.0)
        return Trial(
            number=number,
            status=status,
            proposal=Proposal(proposer="test", usage=usage),
            verdict={"accepted": True},
            score=score if status in (Status.TRAINED, Status.PAUSED) else None,
            seed=number,
            started_at="",
            seconds=5.0,
            elapsed_seconds=10.0 * (number + 1),
        )

    return make
