"""The report's tables, against values worked out by hand."""

import pytest

from lmanet.cost import Cost, Platform, estimate
from lmanet.explain.facts.contents import read_run
from lmanet.explain.facts.rows import (
    limit_rows,
    part_rows,
    proposers,
    reasons,
    result_rows,
    versions,
)
from lmanet.network import load_architecture
from lmanet.run.folder import RunFolder
from lmanet.run.records import Proposal, Status, Trial, Usage, Verdict, Violation


def trial(number: int, status: Status, **fields) -> Trial:
    usage = Usage(prompt_tokens=100, completion_tokens=10, requests=1, seconds=0.5)
    common = {
        "number": number,
        "status": status,
        "seed": 0,
        "started_at": "",
        "seconds": 1.0,
        "elapsed_seconds": 1.0,
    }
    return Trial(**{"proposal": Proposal(proposer="model", usage=usage), **common, **fields})


def test_a_limit_row_gives_the_share_that_is_used():
    (row,) = limit_rows(Cost(50, 0, "plain", 0, 0, ""), {"macs": 200})
    assert (row.quantity, row.given, row.limit, row.share) == ("macs", 50, 200, 0.25)


def test_the_parts_add_up_to_the_whole():
    architecture = load_architecture("lmanet_elite")
    cost, rows = estimate(architecture, 100), part_rows(architecture, 100, Platform())
    assert [row.cost.name for row in rows] == [
        "stage1",
        "stage2",
        "stage3",
        "stage4",
        "stage5",
        "classifier",
    ]
    assert sum(row.cost.macs for row in rows) == cost.macs
    assert sum(row.cost.params for row in rows) == cost.params
    assert sum(row.cost.flash_bytes for row in rows) == cost.flash_bytes
    # the arena ends at a multiple of 16
    assert 0 <= cost.peak_sram_bytes - max(row.cost.peak_sram_bytes for row in rows) < 16
    assert rows[0].setting == "2 x depthwise, 3x3, stride 2, relu6"
    assert rows[3].setting == "3 x mbconv, 3x3, stride 1, expansion 3, SE 0.5, relu6"
    assert rows[0].cost.out_shape == (16, 80, 80)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"block": "fused"}, "3 x fused, 3x3, stride 1, expansion 3, SE 0.5, relu6"),
        ({"block": "conv", "skip": True}, "3 x conv, 3x3, stride 1, skip, relu6"),
    ],
)
def test_a_part_names_what_its_block_uses(changes, words):
    elite = load_architecture("lmanet_elite")
    stages = (*elite.stages[:3], elite.stages[3].model_copy(update=changes), elite.stages[4])
    assert (
        part_rows(elite.model_copy(update={"stages": stages}), 100, Platform())[3].setting == words
    )


def test_reasons_count_trials_and_not_violations():
    twice = [
        Violation(rule="membership", hint="kernel"),
        Violation(rule="membership", hint="channels"),
    ]
    trials = [
        trial(0, Status.REJECTED, verdict=Verdict(accepted=False, violations=twice)),
        trial(
            1,
            Status.REJECTED,
            verdict=Verdict(
                accepted=False,
                violations=[Violation(rule="macs", hint="too many", given=2, limit=1)],
            ),
        ),
        trial(
            2,
            Status.REJECTED,
            verdict=Verdict(
                accepted=False, violations=[Violation(rule="macs", hint="again", given=3, limit=1)]
            ),
        ),
        trial(3, Status.TIMED_OUT, verdict=Verdict(accepted=True), error="after 60 s"),
    ]
    assert [tuple(row) for row in reasons(trials)] == [
        ("macs", 2, "too many"),
        ("membership", 1, "kernel"),
        ("timed_out", 1, "after 60 s"),
    ]


def test_who_proposed_and_with_which_versions():
    trials = [
        trial(0, Status.FAILED, versions={"torch": "2.13"}),
        trial(1, Status.FAILED, versions={"torch": "2.14"}),
    ]
    assert proposers(trials) == {"model": 2}
    assert versions(trials) == {"torch": "2.13, 2.14"}


def test_results_hold_the_best_of_each_stage(make_run):
    run = read_run(RunFolder(make_run()))
    assert [(row.stage, row.teacher) for row in result_rows(run)] == [
        ("search", "none"),
        ("full", "none"),
        ("distill", "vit_base_patch16_224"),
    ]
    assert result_rows(run)[0].accuracy == run.front.trials[0].score.val_accuracy
    assert run.best == run.distilled[0]
