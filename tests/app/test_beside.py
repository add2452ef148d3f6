"""Stages that run in a process of their own, while the one before them goes on here."""

import logging
import os

import pytest

from lmanet.app import Run
from lmanet.app.beside import READ_BY, READS, others, turns
from lmanet.app.compose import resolved
from lmanet.errors import ConfigError, TrainingError

ALL = ["search", "teacher", "train", "rules", "distill", "deploy", "explain", "report"]


def test_a_stage_runs_with_the_one_before_it():
    assert turns(ALL, ["teacher", "rules", "explain"]) == [[0, 1], [2, 3], [4], [5, 6], [7]]
    assert turns(ALL, []) == [[place] for place in range(8)]
    assert turns(["report"], ["teacher"]) == [[0]]
    assert turns(["explain", "report"], ["explain"]) == [[0], [1]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["search", "rules"], [[0], [1]]),
        (["train", "explain"], [[0], [1]]),
        (["distill", "teacher", "explain"], [[0, 1], [2]]),
    ],
)
def test_no_stage_runs_beside_the_one_that_makes_what_it_reads(names, expected):
    assert turns(names, ["teacher", "rules", "explain"]) == expected


def test_every_stage_that_runs_beside_others_is_waited_for_by_what_reads_it():
    assert all(set(readers) <= {*ALL, "release"} for readers in READ_BY.values())
    assert READ_BY.keys() == READS.keys()


def test_a_stage_that_cannot_run_beside_another_is_refused(composed):

    with pytest.raises(ConfigError, match=r"beside.*takes"):
        Run(composed("+experiment=smoke", "beside=[train]", "folder=x")).prepare()


@pytest.mark.slow  # starts a program
def test_the_other_stage_is_done_when_one_begins_that_reads_it_and_its_log_is_this_ones(
    composed, tmp_path, caplog
):
    caplog.set_level(logging.INFO, "lmanet")
    cfg = resolved(composed("+experiment=smoke", f"folder={tmp_path}"), {})
    with others(Run(cfg).task) as other:
        with other.beside(["train", "rules"]):
            here = os.getpid()
        assert "rules" in other.running, "the next stage need not wait"
        with other.beside(["report"]):
            assert not other.running
    said = [each for each in caplog.records if "asked for design rules" in each.getMessage()]
    assert [each.name for each in said] == ["lmanet.propose.llm.learn"]
    assert said[0].process != here and said[0].getMessage().startswith("no language model")


@pytest.mark.slow  # starts a program
def test_what_the_other_stage_raises_ends_the_run(composed, tmp_path):
    cfg = resolved(composed("+experiment=smoke", f"folder={tmp_path}"), {})
    with (
        pytest.raises(ConfigError, match="run the stage train first"),
        others(Run(cfg).task) as other,
        other.beside(["deploy", "explain"]),
    ):
        pass


@pytest.mark.slow  # starts a program
def test_where_the_stage_here_breaks_off_the_other_ends_at_once(composed, tmp_path):
    cfg = resolved(composed("+experiment=smoke", f"folder={tmp_path}"), {})
    with (
        pytest.raises(TrainingError, match="here"),
        others(Run(cfg).task) as other,
        other.beside(["train", "rules"]),
    ):
        raise TrainingError("here")
