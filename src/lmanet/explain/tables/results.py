"""Tables of what was trained, tested, brought to int8 and measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmanet.explain.facts import measured
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.filters import stage, wilson
from lmanet.explain.tables.table import FOLDS, Column, Table
from lmanet.run.results import ClassResult, Evaluation, Thresholds
from lmanet.space import architecture_id


def result_tables(facts: Facts) -> list[Table]:
    """Accuracy on validation and on test images, and the front in the true runtimes."""
    return [_validation(facts), _test(facts), class_table(facts.run.tests), _runtimes(facts)]


def board_tables(deployed: measured.DeployedNetwork) -> list[Table]:
    """One deployed network: accuracy from float to int8, hardware figures with the tool that gave
    each, boards, files.
    """
    return [_int8(deployed), _hardware(deployed), _boards(deployed), _files(deployed)]


def _runtimes(facts: Facts) -> Table:
    """The networks of the front that went through the true runtimes."""
    columns = [Column("candidate", "candidate", "count"), Column("network", "network", "code")]
    for name, title in (
        ("c_static", "`.bss` of `c_static`"),
        ("tflm_head", "TFLM head"),
        ("tflm_tail", "TFLM tail, this machine"),
    ):
        columns += [Column(f"{name}_formula_bytes", f"{title}, by formula (bytes)", "count")]
        columns += [Column(f"{name}_measured_bytes", "measured (bytes)", "count")]
    columns += [
        Column("measured_flash_bytes", "flash, measured (bytes)", "count"),
        Column("estimated_instructions", "instructions, estimated", "count"),
        Column("measured_instructions", "measured", "count"),
        Column("seconds", "verified in (s)", "decimal1"),
    ]
    content = [
        (
            row.number,
            row.id,
            *(value for pair in row.memory for value in (pair.formula, pair.measured)),
            row.measurement.measured_flash_bytes,
            row.formulas.instructions,
            row.measurement.measured_instructions,
            row.measurement.seconds,
        )
        for row in facts.compared
        if row.measurement
    ]
    return Table(
        "runtimes",
        "Networks of the front in the true runtimes, with untrained weights",
        columns,
        content,
    )


def _validation(facts: Facts) -> Table:
    columns = (
        Column("stage", "stage"),
        Column("network", "network", "code"),
        Column("val_accuracy", "accuracy", "share"),
        Column("val_macro_f1", "macro F1", "share"),
        Column("val_calibration_error", "calibration error", "share"),
        Column("epochs", "epochs", "count"),
        Column("seconds", "time (s)", "decimal1"),
        Column("seed", "seed", "count"),
        Column("teacher", "teacher"),
        *(FOLDS if any(row.fold_low is not None for row in facts.results) else ()),
    )
    rows = [(stage(row.stage), *row[1 : len(columns)]) for row in facts.results]
    return Table("results", "On validation images", columns, rows)


def _test(facts: Facts) -> Table:
    columns = (
        Column("stage", "stage"),
        Column("network", "network", "code"),
        Column("test_accuracy", "accuracy", "share"),
        Column("test_balanced_accuracy", "balanced", "share"),
        Column("test_macro_f1", "macro F1", "share"),
        Column("test_calibration_error", "calibration error", "share"),
        Column("images", "images", "count"),
    )
    rows = [
        (
            stage(test.stage),
            architecture_id(test.architecture),
            test.test_accuracy,
            test.test_balanced_accuracy,
            test.test_macro_f1,
            test.test_calibration_error,
            test.images,
        )
        for test in facts.run.tests
    ]
    return Table("tests", "On test images, which nothing else has seen", columns, rows)


def class_table(tests: Sequence[Evaluation]) -> Table:
    """How each class came out on the test images, the worst first: of the last network that was
    measured, which is the one in int8 where there is one.
    """
    measured = next((test for test in reversed(tests) if test.by_class), None)
    fitted = measured.thresholds if measured else None
    columns = [
        Column("class", "class"),
        Column("images", "images", "count"),
        Column("right", "right", "share"),
        Column("low", "from", "share"),
        Column("high", "to (95 %)", "share"),
        Column("precision", "of those called so, right", "share"),
    ]
    rows = [_class_row(each) for each in (measured.by_class if measured else ())]
    if fitted:
        columns += [
            Column("threshold", "added to its logit", "decimal2"),
            Column("right_by_threshold", "then right", "share"),
        ]
        unsure = fitted.unsure or (None,) * len(rows)
        columns += [Column("unsure", "unsure", "count")] if fitted.unsure else []
        rows = [
            (*row, added, right / row[1] if row[1] else None, *((left,) if fitted.unsure else ()))
            for row, added, right, left in zip(
                rows, fitted.added, fitted.right, unsure, strict=True
            )
        ]
    worst_first = sorted((row for row in rows if row[1]), key=lambda row: row[2])
    return Table("classes", _class_title(fitted), columns, worst_first)


def _class_row(found: ClassResult) -> tuple[Any, ...]:
    share = found.right / found.images if found.images else None
    interval = wilson(share, found.images) if share is not None else (None, None)
    precision = found.right / found.predicted if found.predicted else None
    return (found.name, found.images, share, *interval, precision)


def _class_title(fitted: Thresholds | None) -> str:
    if fitted is None:
        return "Each class, on test images"
    use = "by which the firmware chooses" if fitted.in_firmware else "which no firmware goes by"
    unsure = f"; unsure of {sum(fitted.unsure):,} images" if fitted.unsure else ""
    return (
        f"Each class, on test images; with thresholds fitted on {fitted.val_images:,} validation "
        f"images, {use}, accuracy is {100 * fitted.test_accuracy:.1f} % "
        f"and balanced accuracy {100 * fitted.test_balanced_accuracy:.1f} %{unsure}"
    )


def _int8(deployed: measured.DeployedNetwork) -> Table:
    deployment, test = deployed.line, deployed.int8_test
    tuned = f"{deployment.qat_epochs} epochs of" if deployment.qat_epochs else "no"
    rows: list[tuple[str, str, float]] = [
        ("float", "validation", deployment.float_val_accuracy),
        (
            f"int8, by calibration alone ({deployment.calibration})",
            "validation",
            deployment.calibrated_val_accuracy,
        ),
        (
            f"int8, as deployed: {tuned} quantisation-aware fine-tuning",
            "validation",
            deployment.int8_val_accuracy,
        ),
    ]
    if test:
        rows.append(("int8, as deployed", f"{test.images:,} test", test.test_accuracy))
    columns = (
        Column("network", "network"),
        Column("images", "images"),
        Column("accuracy", "accuracy", "share"),
    )
    return Table(f"int8_{deployed.place}", "From float to int8", columns, rows)


def _hardware(deployed: measured.DeployedNetwork) -> Table:
    found = deployed.line.deployed.measurement
    columns = (
        Column("words", "quantity"),
        Column("name", "name", "code"),
        Column("formula", "formula", "count"),
        Column("measured", "measured", "count"),
        Column("tool", "measured by"),
        Column("verdict", "to the byte"),
    )
    rows = [
        (
            row.words.replace("`", ""),
            row.name,
            row.formula,
            row.measured,
            measured.tool(row.name, found) if row.measured is not None else None,
            row.verdict,
        )
        for row in deployed.quantities
    ]
    return Table(
        f"hardware_{deployed.place}",
        "What the network takes, in bytes and instructions",
        columns,
        rows,
    )


def _boards(deployed: measured.DeployedNetwork) -> Table:
    columns = (
        Column("board", "board"),
        Column("origin", "is"),
        Column("measured_latency_ms", "latency, median (ms)", "decimal2"),
        Column("lowest_ms", "fastest (ms)", "decimal2"),
        Column("highest_ms", "slowest (ms)", "decimal2"),
        Column("runs", "runs", "count"),
        Column("core_mhz", "clock (MHz)", "decimal1"),
        Column("cycles_an_instruction", "cycles an instruction", "decimal2"),
    )
    figures = [run.figures for run in deployed.boards if run.figures]
    rows = [
        (
            each.board,
            "emulated" if each.emulated else "measured",
            each.measured_latency_ms,
            *each.spread_ms,
            len(each.cycles),
            each.core_mhz,
            each.cycles_an_instruction,
        )
        for each in figures
    ]
    title = "On a board, one image: every logit was that of the reference"
    return Table(f"boards_{deployed.place}", title, columns, rows)


def _files(deployed: measured.DeployedNetwork) -> Table:
    line = deployed.line.deployed
    rows = [
        (f"{line.folder}/{line.firmware}", "the board: C, start-up code, linker script"),
        (
            f"{line.folder}/{line.program}",
            "the network's C alone, to be compiled into any firmware",
        ),
        *((f"{line.folder}/{name}", _opened_by(name)) for name in line.packages),
        (f"{line.folder}/{line.tflite}", "TFLM, STM32Cube.AI and other runtimes that read .tflite"),
    ]
    return Table(
        f"files_{deployed.place}",
        "Files to flash",
        (Column("file", "file", "code"), Column("use", "for")),
        rows,
    )


def _opened_by(package: str) -> str:
    return f"{Path(package).name.replace('_', ' ')}: a library that it opens, see its README"
