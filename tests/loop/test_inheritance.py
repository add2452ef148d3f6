"""Whose weights an edit starts from, and which are kept: with doubles, whose trainings leave a
file without weights.
"""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import lmanet.run.history
from lmanet.promote import Halving
from lmanet.run.brief import Budget, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Proposal, Trial
from lmanet.search import Search
from lmanet.space import Space


class Heir:
    """Proposes edits of the network that was trained last; the first is drawn."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def propose(self, request: Request) -> list[Proposal]:
        rng = np.random.default_rng(request.number)
        trained = [trial for trial in request.trials if trial.score]
        if not trained:
            return [Proposal(proposer="heir", architecture=self.space.sample(rng))]
        mutant = self.space.mutate(trained[-1].architecture, rng)
        return [Proposal(proposer="heir", architecture=mutant, parent=trained[-1].id)]

    def close(self) -> None:
        pass


def write_weights(path: Path) -> None:
    """A file that is whole, as torch's are, with nothing in it."""
    with ZipFile(path, "w"):
        pass


@pytest.fixture
def make(make_search, brief, tmp_path) -> Callable[..., Search]:
    """A search whose executor leaves weights, and keeps the jobs that it was given."""

    def with_parents(proposals: int, inherit: bool = True, **settings) -> Search:
        search = make_search(
            Budget(proposals=proposals), proposer=Heir(brief.space), capacity=1, **settings
        )
        search.history = History(RunFolder(tmp_path), inherit)
        executor = search.steps.executor
        executor.given = []
        submit = executor.submit

        def leave_weights(job: Job) -> None:
            executor.given.append(job)
            if job.weights:
                job.weights.parent.mkdir(exist_ok=True)
                write_weights(job.weights)
            submit(job)

        executor.submit = leave_weights
        return search

    return with_parents


def of(trials: list[Trial]) -> dict[int, tuple[int | None, int]]:
    return {trial.number: (trial.inherited_from, trial.inherited_epochs) for trial in trials}


def test_an_edit_starts_from_its_parents_weights_and_its_epochs_are_counted(make):
    search = make(30)
    search.run()
    trials = {trial.number: trial for trial in search.history.trials}
    heirs = [trial for trial in trials.values() if trial.inherited_from is not None]
    assert len(heirs) > 5
    for trial in heirs:
        parent = trials[trial.inherited_from]
        assert parent.id == trial.proposal.parent
        assert trial.inherited_epochs == parent.inherited_epochs + parent.epochs
    assert max(trial.inherited_epochs for trial in heirs) > 3, "counted along the whole line"
    given = {job.number: job.parent for job in search.steps.executor.given}
    assert all(
        given[trial.number] == search.history.weights(trial.inherited_from) for trial in heirs
    )


def test_without_inheritance_nothing_is_kept(make, tmp_path):
    search = make(20, inherit=False)
    search.run()
    assert not (tmp_path / "parents").exists()
    assert {job.parent for job in search.steps.executor.given} == {None}
    assert set(of(search.history.trials).values()) == {(None, 0)}


def test_weights_of_the_front_and_of_the_last_trials_are_kept_and_no_more(make, monkeypatch):
    monkeypatch.setattr(lmanet.run.history, "RECENT_PARENTS", 4)
    search = make(40)
    search.run()
    kept = {int(path.stem) for path in search.history.parents.iterdir()}
    last = {trial.number for trial in search.history.trials[-4:]}
    assert kept <= last | {trial.number for trial in search.front}
    assert {trial.number for trial in search.front} <= kept


@pytest.mark.parametrize("lines", [3, 11, 20])
def test_a_resumed_search_inherits_as_one_that_was_never_stopped(make, brief, lines):
    def halved() -> Search:
        search = make(30, promotion=Halving(brief, (1, 3), keep=0.5))
        search.steps.executor.whole = 9
        return search

    whole = halved()
    whole.run()
    expected, path = of(whole.history.trials), whole.history.run.history.path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    for weights in whole.history.parents.iterdir():
        write_weights(weights)
    again = halved()
    again.run()
    assert of(again.history.trials) == expected
