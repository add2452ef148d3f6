"""Tables of the report, against values worked out by hand and against the
records they come from.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from lmanet.explain.cards import make_cards
from lmanet.explain.facts.contents import RunFiles, Setting, read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.importance import Importance
from lmanet.explain.tables.fill import fill_tables
from lmanet.explain.tables.network import examination_tables
from lmanet.explain.tables.results import class_table, result_tables
from lmanet.explain.tables.table import Table
from lmanet.explain.tables.trials import search_tables
from lmanet.run.folder import RunFolder
from lmanet.run.results import ClassResult, Evaluation, Thresholds


@pytest.fixture(scope="module")
def tables(finished_run, setting) -> dict[str, Table]:
    return filled(finished_run, setting)


def filled(run: RunFiles, setting: Setting) -> dict[str, Table]:
    """Importances are given, as forests take seconds; test_importance.py grows them."""
    facts = Facts(run, setting)
    vars(facts)["importances"] = [Importance("stage1.channels", 0.4, 0.05)]
    return fill_tables(facts)


def keyed(table: Table) -> list[dict[str, object]]:
    return [
        dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows
    ]


def test_every_table_of_a_finished_run_is_there_and_whole(tables):
    assert set(tables) == {
        *(
            "limits",
            "parts",
            "operators",
            "neighbours",
            "blocks",
            "looks",
            "confused",
            "claims",
            "rules",
            "front",
            "results",
            "tests",
        ),
        *(
            "int8_1",
            "hardware_1",
            "files_1",
            "runtimes",
            "reasons",
            "importances",
            "ledger",
            "claim_rates",
            "starts",
            "versions",
        ),
    }
    for table in tables.values():
        keys = [column.key for column in table.columns]
        assert len(set(keys)) == len(keys) and all(key.isidentifier() for key in keys), table.name
        assert table.title and all(len(row) == len(keys) for row in table.rows), table.name


def test_what_the_accuracy_depends_on_has_its_share_and_spread(tables):
    row = {"choice": "stage1.channels", "share": 0.4, "spread": 0.05}
    assert keyed(tables["importances"]) == [row]


def test_what_is_most_often_confused_comes_first(finished_run):
    (*_, confused) = examination_tables(finished_run.examination)
    assert confused.rows == [
        ("dog", "cat", 4, 0.1),
        ("cat", "dog", 2, 0.05),
        ("horse", "dog", 1, 0.05),
    ]


def test_a_block_is_worth_what_goes_without_it(finished_run):
    (row,) = keyed(examination_tables(finished_run.examination)[0])
    assert row == {
        "block": "stage1.0",
        "stand_in": "pooled",
        "val_accuracy": 0.43,
        "accuracy_loss": 0.5,
        "low": 0.4,
        "high": 0.6,
    }


def test_each_hardware_figure_names_the_tool_that_gave_it(tables):
    tools = {row["name"]: row["tool"] for row in keyed(tables["hardware_1"])}
    assert tools == {
        "measured_bss_bytes": "zig, from the ELF",
        "measured_tflm_head_bytes": "TensorFlow Lite Micro",
        "measured_tflm_tail_bytes": "TensorFlow Lite Micro",
        "peak_sram_bytes": None,  # by formula alone
        "measured_flash_bytes": "zig, from the ELF",
        "tflite_bytes": "the file itself",
        "measured_stack_bytes": "unicorn, an emulated cortex-m4",
        "measured_instructions": "unicorn, an emulated cortex-m4",
    }


def test_float_and_int8_stand_below_each_other(tables):
    assert [row[1:] for row in tables["int8_1"].rows] == [
        ("validation", 0.861),
        ("validation", 0.842),
        ("validation", 0.857),
        ("1,000 test", 0.853),
    ]


def test_the_front_and_the_limits_are_raw_values(finished_run, tables):
    first = finished_run.front.trials[0]
    row = keyed(tables["front"])[0]
    assert (row["candidate"], row["network"], row["val_accuracy"]) == (
        first.number,
        first.id,
        first.score.val_accuracy,
    )
    assert (row["macs"], row["peak_sram_bytes"]) == (
        first.verdict.cost.macs,
        first.verdict.cost.peak_sram_bytes,
    )
    macs = next(row for row in keyed(tables["limits"]) if row["quantity"] == "macs")
    assert (macs["given"], macs["limit"], macs["share"]) == (
        first.verdict.cost.macs,
        6_000_000,
        first.verdict.cost.macs / 6e6,
    )


def test_the_ledger_ends_with_the_sum(tables):
    *rows, last = keyed(tables["ledger"])
    assert last["status"] == "all" and last["trials"] == 60 == sum(row["trials"] for row in rows)
    assert last["prompt_tokens"] == 60 * 820 and last["price"] is None


def test_claims_bear_their_truth_and_their_reason(finished_run, tables):
    form, accuracy = keyed(tables["claims"])
    assert (
        form["claim"] == "residual connections in stage 1"
        and form["truth"] in ("true", "false")
        and form["reason"]
    )
    assert (
        accuracy["claim"] == "accuracy higher than the mean before it"
        and "against" in accuracy["reason"]
    )
    proposed = [trial for trial in finished_run.trials if trial.proposal.rationale]
    everything = keyed(tables["claim_rates"])[0]
    told = everything["true"] + everything["false"] + everything["unknown"]
    assert told == 2 * len(proposed) and everything["unreadable"] == len(proposed)


def test_a_run_without_examination_rules_or_provenance_has_no_such_tables(make_run, setting):
    folder = make_run(10)
    for name in ("examination.json", "rules.json", "provenance.jsonl"):
        (folder / name).unlink()
    assert not {"blocks", "confused", "rules", "starts", "versions"} & set(
        filled(read_run(RunFolder(folder)), setting)
    )


def test_each_start_of_the_run_says_where_it_ran(tables):
    (row,) = keyed(tables["starts"])
    assert (
        datetime.fromisoformat(row["started_at"])
        and row["stages"] == "search, report"
        and "cores" in row["machine"]
        and "processor" in row["machine"]
    )
    assert {"python", "torch", "timm"} <= {row["package"] for row in keyed(tables["versions"])}


def test_a_network_of_several_folds_shows_the_worst_and_the_best_where_its_accuracy_stands(
    finished_run, setting
):
    best = finished_run.front.trials[0]
    score = best.score.model_copy(update={"fold_accuracies": (0.6, 0.8, 0.7)})
    front = finished_run.front.model_copy(
        update={
            "trials": (best.model_copy(update={"score": score}), *finished_run.front.trials[1:])
        }
    )
    facts = Facts(replace(finished_run, front=front, trials=()), setting)
    tables = {table.name: table for table in (*search_tables(facts), *result_tables(facts))}
    for name in ("front", "results"):
        first, *others = keyed(tables[name])
        assert (first["fold_low"], first["fold_high"]) == (0.6, 0.8)
        assert all(row["fold_low"] is None for row in others)
    (card, *_) = make_cards(facts, Path("run"))
    assert ("accuracy of its folds", "60.0% to 80.0%", None) in card.costs


@pytest.fixture
def tested(make) -> Evaluation:
    """Of 60 test images of two classes, and of a class that has none."""
    counts = [("cat", 40, 36, 60), ("dog", 20, 10, 0), ("eel", 0, 0, 0)]
    by_class = [
        ClassResult(name=name, images=images, right=right, predicted=predicted)
        for name, images, right, predicted in counts
    ]
    return Evaluation(
        stage="deploy",
        architecture=make(),
        checkpoint="x",
        images=60,
        test_accuracy=46 / 60,
        test_macro_f1=0.7,
        test_calibration_error=0.1,
        seconds=1.0,
        by_class=by_class,
    )


def test_each_class_has_its_share_with_an_interval_and_the_worst_stands_first(tested):
    older = tested.model_copy(update={"by_class": ()})
    dog, cat = keyed(class_table([tested, older]))
    assert (dog["class"], dog["images"], dog["right"], dog["precision"]) == ("dog", 20, 0.5, None)
    assert 0.27 < dog["low"] < 0.31 and 0.69 < dog["high"] < 0.73
    assert (cat["class"], cat["right"], cat["precision"]) == ("cat", 0.9, 0.6)
    assert not class_table([older]).rows


def test_thresholds_stand_beside_the_largest_logit_and_say_whether_the_firmware_has_them(tested):
    thresholds = Thresholds(
        added=(0.0, 0.75),
        val_images=30,
        right=(34, 16),
        test_accuracy=50 / 60,
        test_balanced_accuracy=0.825,
    )
    two = {"by_class": tested.by_class[:2], "thresholds": thresholds}
    table = class_table([tested.model_copy(update=two)])
    dog, cat = keyed(table)
    assert (dog["threshold"], dog["right_by_threshold"]) == (0.75, 0.8)
    assert (cat["threshold"], cat["right_by_threshold"]) == (0.0, 0.85)
    assert "30 validation images, which no firmware goes by" in table.title
    assert "unsure" not in dog
    used = thresholds.model_copy(update={"in_firmware": True, "unsure": (3, 4)})
    table = class_table([tested.model_copy(update={**two, "thresholds": used})])
    assert "by which the firmware chooses" in table.title and "unsure of 7 images" in table.title
    assert [row["unsure"] for row in keyed(table)] == [4, 3]
    assert "balanced accuracy 82.5 %" in table.title
