from collections import Counter
from pathlib import Path

import pytest

from lmanet.base import Notice
from lmanet.errors import ConfigError, EndpointError, SearchError
from lmanet.run.brief import Budget, Request
from lmanet.run.folder import NOTICES
from lmanet.run.history import History
from lmanet.run.lines import read_records
from lmanet.run.records import Front, Outcome, Proposal, Score, Status, Usage, Verdict


def test_every_proposal_becomes_one_trial(make_search):
    search = make_search(Budget(proposals=40))
    search.run()
    assert sorted(trial.number for trial in search.history.trials) == list(range(40))
    assert {trial.status for trial in search.history.trials} == {
        Status.TRAINED,
        Status.REJECTED,
        Status.UNPARSABLE,
        Status.FAILED,
    }
    assert search.steps.proposer.closed and search.steps.executor.closed


def test_nothing_infeasible_is_trained(make_search):
    search = make_search(Budget(proposals=40))
    search.run()
    rejected = {trial.number for trial in search.history.trials if trial.status is Status.REJECTED}
    assert rejected and not rejected & set(search.steps.executor.trained)
    assert all(
        trial.score is None for trial in search.history.trials if trial.status is not Status.TRAINED
    )


@pytest.mark.parametrize(
    ("limit", "holds"),
    [
        ({"trained": 3}, lambda trials: sum(t.status is Status.TRAINED for t in trials) == 3),
        (
            {"tokens": 100},
            lambda trials: sum(t.proposal.usage.tokens for t in trials) == 90,
        ),  # a seventh request might exceed it
        (
            {"training_seconds": 2.5},
            lambda trials: 3 <= sum(t.score.seconds for t in trials if t.score) <= 4,
        ),  # one may be under way
    ],
)
def test_the_first_budget_that_is_spent_ends_the_search(make_search, limit, holds):
    search = make_search(Budget(proposals=200, **limit))
    search.run()
    assert holds(search.history.trials)


def test_a_budget_that_is_spent_before_the_first_proposal_is_named(make_search):
    search = make_search(Budget(proposals=200, seconds=1e-9))
    with pytest.raises(SearchError, match="spent before the first proposal"):
        search.run()
    assert not search.history.trials


@pytest.mark.parametrize("stop_after", [2, 7, 23])
def test_a_stopped_search_goes_on_to_the_same_trials(make_search, stop_after):
    whole = make_search(Budget(proposals=30), capacity=1)
    whole.run()
    expected = {trial.number: trial.id for trial in whole.history.trials}
    whole.history.run.history.path.unlink()

    make_search(Budget(proposals=stop_after)).run()
    search = make_search(Budget(proposals=30))
    before = [trial.number for trial in search.history.trials]
    search.run()
    assert {trial.number: trial.id for trial in search.history.trials} == expected
    assert not set(before) & set(search.steps.executor.trained), "nothing recorded is trained twice"
    assert search.steps.listeners[0].events[0] == f"start {stop_after}"


def test_a_number_lost_in_a_crash_is_made_again(make_search, tmp_path: Path):
    search = make_search(Budget(proposals=12), capacity=1)
    search.run()
    expected = {trial.number: trial.id for trial in search.history.trials}
    lines = search.history.run.history.path.read_text().splitlines(keepends=True)
    search.history.run.history.path.write_text("".join(lines[:3] + lines[4:7]))
    again = make_search(Budget(proposals=12), capacity=1)
    again.run()
    assert {trial.number: trial.id for trial in again.history.trials} == expected


def test_a_dead_endpoint_ends_the_run_and_makes_no_trial(make_search):
    class Dying:
        def propose(self, request: Request) -> list[Proposal]:
            if request.number >= 4:
                raise EndpointError("nothing listens")
            return healthy.propose(request)

        def close(self) -> None:
            pass

    healthy = make_search(Budget(proposals=1)).steps.proposer
    search = make_search(Budget(proposals=50), capacity=4, proposer=Dying())
    with pytest.raises(EndpointError):
        search.run()
    assert sorted(trial.number for trial in search.history.trials) == [0, 1, 2, 3], (
        "what was being trained is recorded"
    )
    assert search.steps.listeners[0].events[-1] == "end 4"


def test_the_front_is_written_and_told(make_search, tmp_path: Path):
    search = make_search(Budget(proposals=20))
    search.run()
    front = Front.model_validate_json((tmp_path / "front.json").read_text())
    assert [trial.number for trial in front.trials] == [trial.number for trial in search.front]
    told = Counter(search.steps.listeners[0].events)
    assert told["trial"] == 20 and 1 <= told["front"] <= 20


def test_the_history_holds_tokens_seeds_and_versions(make_search):
    search = make_search(Budget(proposals=3))
    search.run()
    trial = History(search.history.run).trials[0]
    assert trial.proposal.usage == Usage(
        prompt_tokens=10, completion_tokens=5, requests=1, seconds=0.1
    )
    assert set(trial.versions) == {"python", "lmanet", "torch", "lightning"}
    assert len({trial.seed for trial in search.history.trials}) == 3


@pytest.mark.parametrize("batch", [3, 4])
def test_a_call_asks_for_as_many_as_the_batch_and_the_budget_allow(make_search, batch):
    search = make_search(Budget(proposals=21), batch=batch)
    search.run()
    assert [t.number for t in sorted(search.history.trials, key=lambda t: t.number)] == list(
        range(21)
    )
    counts = [request.count for request in search.steps.proposer.requests]
    assert counts[0] == batch and max(counts) == batch and min(counts) >= 1


def test_what_a_proposal_could_not_know_is_on_record(make_search):
    search = make_search(Budget(proposals=12), batch=3)
    search.run()
    by_number = {t.number: t for t in search.history.trials}
    # nothing in training, then the earlier ones of the call
    assert [by_number[n].unseen_trials for n in range(3)] == [
        0,
        1,
        2,
    ]
    # asked while others were in training
    assert any(t.unseen_trials >= 3 for t in by_number.values())


def test_the_proposer_is_told_what_is_in_training_and_how_many_tokens_are_left(make_search):
    search = make_search(Budget(proposals=9, tokens=1000))
    search.run()
    requests = search.steps.proposer.requests
    assert requests[0].tokens_left == 1000 and requests[-1].tokens_left == 1000 - 15 * (
        len(requests) - 1
    )
    assert any(request.training for request in requests)
    for request in requests:
        assert not set(request.training) & {trial.id for trial in request.trials}


def test_a_batch_of_none_is_refused(make_search):
    with pytest.raises(ConfigError, match="batch=0: at least 1"):
        make_search(Budget(proposals=9), batch=0)


def test_workers_are_closed_and_the_front_is_written_where_the_proposer_cannot_be_closed(
    make_search, tmp_path: Path
):
    class Sticking:
        def propose(self, request: Request) -> list[Proposal]:
            return healthy.propose(request)

        def close(self) -> None:
            raise OSError("the server does not end")

    healthy = make_search(Budget(proposals=1)).steps.proposer
    search = make_search(Budget(proposals=6), proposer=Sticking())
    with pytest.raises(OSError, match="does not end"):
        search.run()
    assert search.steps.executor.closed and (tmp_path / "front.json").exists()
    assert search.steps.listeners[0].events[-1] == "end 6"


def ending_in(search, outcome: Outcome) -> None:
    """Every training of the search ends so."""
    executor = search.steps.executor

    def collect(wait: bool) -> list[Outcome]:
        jobs, executor.jobs = executor.jobs, []
        return [outcome.model_copy(update={"number": job.number}) for job in jobs]

    executor.collect = collect


def test_a_search_in_which_every_training_failed_ends_with_the_reason(make_search):
    search = make_search(Budget(proposals=30))
    ending_in(search, Outcome(number=0, status=Status.FAILED, error="out of memory"))
    with pytest.raises(
        SearchError,
        match=r"of 30 candidates .*\d failed.*; most trainings ended so: out of memory$",
    ):
        search.run()
    assert search.steps.executor.closed and search.steps.listeners[0].events[-1] == "end 30"


def test_a_search_in_which_every_proposal_was_rejected_names_the_rule(make_search):
    search = make_search(Budget(proposals=1))  # the first draw is too large
    with pytest.raises(
        SearchError,
        match=r"of 1 candidates 1 rejected; most broke the rule macs, such as: halve the channels",
    ):
        search.run()


def test_what_is_off_about_the_trainings_is_said_once(make_search, tmp_path: Path, caplog):
    notice = Notice(kind="few_steps", text="a training has 12 steps")
    search = make_search(Budget(proposals=30))
    ending_in(
        search,
        Outcome(
            number=0,
            status=Status.TRAINED,
            score=Score(val_accuracy=0.5, seconds=1.0, notices=(notice,)),
        ),
    )
    search.run()
    assert sum(trial.status is Status.TRAINED for trial in search.history.trials) > 1
    assert read_records(tmp_path / NOTICES, Notice) == [notice]
    assert caplog.messages.count(notice.text) == 1


def test_a_candidate_that_the_board_gave_no_figure_of_ends_with_a_status(make_search):
    class Silent:
        def validate(self, architecture, known):
            return Verdict(accepted=False, ended=Status.TIMED_OUT, error="silent: no answer")

    search = make_search(Budget(proposals=4))
    search.steps = search.steps._replace(validator=Silent())
    with pytest.raises(SearchError):
        search.run()
    asked = [trial for trial in search.history.trials if trial.architecture]
    assert {trial.status for trial in asked} == {Status.TIMED_OUT}
    assert all(trial.error == "silent: no answer" and not trial.eligible for trial in asked)
