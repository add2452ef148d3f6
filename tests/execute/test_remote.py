"""The executor over an engine: what becomes of candidates whose calls end in an error."""

from types import SimpleNamespace

import pytest

from lmanet.calls import Call, Here, Returned
from lmanet.errors import DataError, TrainingError, TrainingTimeoutError, WorkerLostError
from lmanet.execute import Remote
from lmanet.network import load_architecture
from lmanet.run.records import Job, Score, Status


class Double:
    """Stands in for a trainer: the seed says how a training ends."""

    recipe = SimpleNamespace(max_seconds=7.0)

    def train(self, job: Job) -> Score:
        if job.seed == 1:
            raise TrainingError("the loss is not finite")
        if job.seed == 2:
            raise DataError("photo.png cannot be read")
        return Score(val_accuracy=0.5, seconds=1.0)


class Losing(Here):
    """An engine of which a call with seed 3 costs two workers, and one with seed 4 hangs."""

    def collect(self, wait: bool) -> list[Returned]:
        seed = self._calls[0].arguments[0].seed if wait and self._calls else 0
        if seed < 3:
            return super().collect(wait)
        call: Call = self._calls.popleft()
        lost = WorkerLostError("two workers were lost with it")
        late = TrainingTimeoutError(f"it was not done in {call.most_seconds:g} s")
        return [Returned(call.number, error=lost if seed == 3 else late, seconds=400.0)]


def ended(executor: Remote, *seeds: int):
    for number, seed in enumerate(seeds):
        executor.submit(
            Job(number=number, architecture=load_architecture("lmanet_core"), seed=seed)
        )
    return [executor.collect(wait=True)[0] for _ in seeds]


def test_a_candidate_that_costs_its_workers_fails_alone():
    outcomes = ended(Remote(Double(), Losing()), 0, 3, 1, 0)
    assert [outcome.status for outcome in outcomes] == [
        Status.TRAINED,
        Status.FAILED,
        Status.FAILED,
        Status.TRAINED,
    ]
    assert outcomes[1].error == "two workers were lost with it"
    assert outcomes[2].error == "the loss is not finite"


def test_where_candidate_after_candidate_costs_its_workers_the_search_ends():
    with pytest.raises(TrainingError, match="3 candidates in a row: two workers were lost"):
        ended(Remote(Double(), Losing()), 3, 3, 3, 0)
    assert ended(Remote(Double(), Losing()), 3, 3, 0, 3, 3)[-1].status is Status.FAILED


def test_a_candidate_that_hangs_is_timed_out_and_no_worker_is_blamed():
    outcomes = ended(Remote(Double(), Losing()), 3, 3, 4, 3, 0)
    assert outcomes[2].status is Status.TIMED_OUT and outcomes[2].seconds == 400.0
    assert "the training hung: 300 s after its max_seconds" in outcomes[2].error
    assert "(307 s in all)" in outcomes[2].error and outcomes[4].status is Status.TRAINED


def test_images_that_no_candidate_can_be_trained_on_end_the_search():
    with pytest.raises(DataError, match=r"^photo\.png cannot be read$"):
        ended(Remote(Double(), Here()), 2)
