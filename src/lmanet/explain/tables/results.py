"""Tables of what was trained, tested, brought to int8 and measured."""

from lmanet.explain.facts import measured
from lmanet.explain.facts.contents import RunFiles, Setting
from lmanet.explain.facts.rows import result_rows
from lmanet.explain.tables.table import Column, Table
from lmanet.run.results import Deployment
from lmanet.space import architecture_id

STAGE_WORDS = {
    "search": "mini-training",
    "full": "full training",
    "distill": "distillation",
    "deploy": "int8, as deployed",
}


def result_sheets(run: RunFiles) -> list[Table]:
    """Accuracy on validation and on test images, where there is any."""
    return [table for table in (_validation(run), _test(run)) if table.rows]


def board_sheets(
    deployment: Deployment, run: RunFiles, setting: Setting, place: int
) -> list[Table]:
    """One deployed network: accuracy from float to int8, hardware figures with the tool that gave
    each, files.
    """
    return [
        _int8(deployment, run, place),
        _hardware(deployment, setting, place),
        _files(deployment, place),
    ]


def front_runtime_sheet(rows: list[measured.FrontRow]) -> Table:
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
            *(row.number, row.id),
            *(value for pair in row.memory for value in (pair.formula, pair.measured)),
            *(
                row.measurement.measured_flash_bytes,
                row.formulas.instructions,
                row.measurement.measured_instructions,
                row.measurement.seconds,
            ),
        )
        for row in rows
        if row.measurement
    ]
    return Table(
        "runtimes",
        "Networks of the front in the true runtimes, with untrained weights",
        columns,
        content,
    )


def _validation(run: RunFiles) -> Table:
    columns = (
        *(
            Column("stage", "stage"),
            Column("network", "network", "code"),
            Column("val_accuracy", "accuracy", "share"),
        ),
        *(
            Column("val_macro_f1", "macro F1", "share"),
            Column("val_calibration_error", "calibration error", "share"),
        ),
        *(
            Column("epochs", "epochs", "count"),
            Column("seconds", "time (s)", "decimal1"),
            Column("seed", "seed", "count"),
        ),
        Column("teacher", "teacher"),
    )
    rows = [
        (
            *(
                STAGE_WORDS.get(row.stage, row.stage),
                row.id,
                row.accuracy,
                row.macro_f1,
                row.calibration_error,
            ),
            *(row.epochs, row.seconds, row.seed, row.teacher),
        )
        for row in result_rows(run)
    ]
    return Table("results", "On validation images", columns, rows)


def _test(run: RunFiles) -> Table:
    columns = (
        *(
            Column("stage", "stage"),
            Column("network", "network", "code"),
            Column("test_accuracy", "accuracy", "share"),
        ),
        *(
            Column("test_macro_f1", "macro F1", "share"),
            Column("test_calibration_error", "calibration error", "share"),
        ),
        Column("images", "images", "count"),
    )
    rows = [
        (
            *(
                STAGE_WORDS.get(test.stage, test.stage),
                architecture_id(test.architecture),
                test.test_accuracy,
                test.test_macro_f1,
            ),
            *(test.test_calibration_error, test.images),
        )
        for test in run.tests
    ]
    return Table("tests", "On test images, which nothing else has seen", columns, rows)


def _int8(deployment: Deployment, run: RunFiles, place: int) -> Table:
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
    if test := measured.int8_test(deployment, run.tests):
        rows.append(("int8, as deployed", f"{test.images:,} test", test.test_accuracy))
    columns = (
        Column("network", "network"),
        Column("images", "images"),
        Column("accuracy", "accuracy", "share"),
    )
    return Table(f"int8_{place + 1}", "From float to int8", columns, rows)


def _hardware(deployment: Deployment, setting: Setting, place: int) -> Table:
    found = deployment.deployed.measurement
    given = measured.formulas(
        deployment.architecture, setting.num_classes, setting.target.platform.c_options
    )
    columns = (
        *(
            Column("words", "quantity"),
            Column("name", "name", "code"),
            Column("formula", "formula", "count"),
        ),
        *(
            Column("measured", "measured", "count"),
            Column("tool", "measured by"),
            Column("verdict", "to the byte"),
        ),
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
        for row in measured.quantity_rows(given, found)
    ]
    return Table(
        f"hardware_{place + 1}", "What the network takes, in bytes and instructions", columns, rows
    )


def _files(deployment: Deployment, place: int) -> Table:
    line = deployment.deployed
    rows = [
        (f"{line.folder}/{line.firmware}", "the board: C, start-up code, linker script"),
        (
            f"{line.folder}/{line.program}",
            "the network's C alone, to be compiled into any firmware",
        ),
        (f"{line.folder}/{line.tflite}", "TFLM, STM32Cube.AI and other runtimes that read .tflite"),
    ]
    return Table(
        f"files_{place + 1}",
        "Files to flash",
        (Column("file", "file", "code"), Column("use", "for")),
        rows,
    )
