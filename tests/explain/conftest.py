"""A run's folder as the stages leave it: architectures, verdicts and costs are real, only the
scores are a double's.
"""

import base64
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from lmanet.board import Region
from lmanet.claims.kinds import ExpectedAccuracy, Rationale, ResidualIn
from lmanet.cost import CStaticOptions, estimate
from lmanet.explain.facts.contents import RunFiles, Setting, read_run
from lmanet.explain.facts.measured import formulas
from lmanet.network import Architecture
from lmanet.pareto import ParetoFront
from lmanet.run.folder import RunFolder
from lmanet.run.measurement import Measurement
from lmanet.run.provenance import provenance
from lmanet.run.records import Epoch, Front, Proposal, Score, Status, Trial, Usage
from lmanet.run.results import (
    Deletion,
    Deployed,
    Deployment,
    DesignRules,
    Evaluation,
    Examination,
    MeasuredCandidate,
    Rule,
    Saliency,
    SkippedBlock,
    TrainedNetwork,
    TrainedTeacher,
)
from lmanet.space import load_space
from lmanet.validate import Target, Validator

NUM_CLASSES = 10
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
SPACE = load_space(
    "mcu",
    {
        "resolution": [32],
        "stage": {
            "block": ["depthwise", "mbconv"],
            "channels": [8, 16, 24, 32, 48],
            "layers": [1, 2],
        },
    },
)
TARGET = Target(
    name="stm32f446",
    board="STM32F446RE (Cortex-M4F, 180 MHz, 512 KiB flash, 128 KiB SRAM)",
    core="cortex-m4",
    clock_mhz=180,
    runtime="c_static",
    regions=(Region("SRAM1 and 2", 0x20000000, 131072),),
    stack_bytes=4096,
    runtime_sram_bytes=12288,
    input_buffer_bytes=38400,
    flash_bytes=524288,
    runtime_flash_bytes=65536,
    macs=6_000_000,
)
OBJECTIVES = {
    "val_accuracy": {"direction": "max", "unit": "share", "reference": 0.0, "ideal": 1.0},
    "macs": {"direction": "min", "unit": "MACs", "reference": "limit", "ideal": 0},
    "peak_sram_bytes": {"direction": "min", "unit": "bytes", "reference": "limit", "ideal": 0},
}


def score_double(
    architecture: Architecture, seed: int, epochs: int = 3, bonus: float = 0.0
) -> Score:
    """In place of a training: a curve that rises with MACs and has some noise; no network is
    trained.
    """
    rng = np.random.default_rng(seed)
    reach = min(
        0.55
        + 0.05 * np.log10(estimate(architecture, NUM_CLASSES).macs / 1e4) ** 1.6
        + rng.normal(0, 0.03)
        + bonus,
        0.99,
    )
    curve = []
    for epoch in range(epochs):
        accuracy = float(reach * (1 - 0.6 * np.exp(-3 * (epoch + 1) / epochs)))
        loss = float(-np.log(accuracy))
        curve.append(
            Epoch(
                epoch=epoch,
                train_loss=0.9 * loss,
                val_loss=loss,
                val_accuracy=accuracy,
                seconds=4.0,
            )
        )
    last = curve[-1].val_accuracy
    return Score(
        val_accuracy=last,
        val_macro_f1=last - 0.01,
        val_calibration_error=0.05,
        seconds=4.0 * epochs,
        curve=tuple(curve),
    )


def measurement_double(architecture: Architecture, **other: int) -> Measurement:
    """In place of the true runtimes: memory as by formula, the rest as one small network had it;
    ``other`` replaces what is named.
    """
    given = formulas(architecture, NUM_CLASSES, CStaticOptions())
    measured = {
        "toolchain": "zig",
        "emulator": "unicorn",
        "emulated_core": "cortex-m4",
        "core": "cortex-m4",
        "images": 4,
        "tflite_bytes": 56704,
        "measured_tflm_head_bytes": given.host_head_bytes,
        "measured_tflm_tail_bytes": given.host_tail_bytes,
        "measured_bss_bytes": given.c_static_bytes,
        "measured_flash_bytes": 65176,
        "measured_stack_bytes": 356,
        "measured_instructions": 4944373,
        "kernel_instructions": {"mean": 116549, "rows": 4462396, "conv": 19422, "scale": 346006},
        "seconds": 0.56,
    }
    return Measurement(**measured | other)


def deployment_double(architecture: Architecture) -> Deployment:
    """The best network in int8, as stage deploy leaves it, without its files."""
    deployed = Deployed(
        folder="deploy/a-distill",
        tflite="model_int8.tflite",
        program="c",
        firmware="firmware",
        target=TARGET.name,
        clock_mhz=TARGET.clock_mhz,
        cost=estimate(architecture, NUM_CLASSES),
        measurement=measurement_double(architecture),
        estimated_latency_ms=(27.4687, 77.4618),
    )
    accuracies = {
        "float_val_accuracy": 0.861,
        "calibrated_val_accuracy": 0.842,
        "int8_val_accuracy": 0.857,
    }
    common = {
        "stage": "distill",
        "checkpoint": "distill/a.ckpt",
        "calibration": "mse",
        "qat_epochs": 3,
    }
    return Deployment(architecture=architecture, deployed=deployed, **common, **accuracies)


def examination_double(architecture: Architecture, folder: Path) -> Examination:
    """In place of a look at the images: one block, one image, three classes; 100 images, of which
    93 are right.
    """
    pictures = folder / "examination"
    pictures.mkdir(exist_ok=True)
    for name in ("right-0.png", "right-0-gradcam.png"):
        (pictures / name).write_bytes(PIXEL)
    look = {"image": "examination/right-0.png", "overlay": "examination/right-0-gradcam.png"}
    curve = {
        "images": 64,
        "shares": (0.0, 0.5, 1.0),
        "gradcam": (0.9, 0.3, 0.1),
        "random": (0.9, 0.6, 0.1),
        "draws": 4,
    }
    return Examination(
        stage="distill",
        architecture=architecture,
        checkpoint="distill/a.ckpt",
        images=100,
        val_accuracy=0.93,
        block_images=100,
        skipped=(
            SkippedBlock(
                part="stage1.0",
                stand_in="pooled",
                val_accuracy=0.43,
                accuracy_loss=0.5,
                low=0.4,
                high=0.6,
            ),
        ),
        layer="stage1.0",
        map_size=4,
        saliency=(Saliency(**look, label="cat", predicted="cat", probability=0.8),),
        deletion=Deletion(**curve, area_difference=0.15, low=0.11, high=0.19),
        classes=("cat", "dog", "horse"),
        confusion=((38, 2, 0), (4, 36, 0), (0, 1, 19)),
        seconds=3.0,
    )


def rules_double() -> DesignRules:
    """In place of a model that was asked what the search has learned."""
    rules = (Rule(choice="stage1.stride", value=1, effect="raises"),)
    note = "Early resolution is worth its memory."
    return DesignRules(
        proposer="SmolLM2-135M-Instruct",
        reply="{...}",
        rules=rules,
        note=note,
        trials=20,
        usage=Usage(requests=1),
    )


def make_trial(number: int, validator: Validator, known: set[str]) -> Trial:
    usage = Usage(
        prompt_tokens=820, completion_tokens=334, requests=1 + number % 7 // 6, seconds=7.3
    )
    proposal = Proposal(proposer="SmolLM2-135M-Instruct", reply="{...}", usage=usage)
    common = {
        "number": number,
        "seed": 1000 + number,
        "started_at": "2026-11-22T14:00:00.000+00:00",
        "seconds": 11.0,
    }
    common |= {
        "elapsed_seconds": 11.0 * (number + 1),
        "versions": {"python": "3.11.7", "lmanet": "0.1.0", "torch": "2.14.1"},
    }
    if number % 13 == 5:
        error = "no JSON in the reply: 'I | would <b>suggest</b>\n a network'"
        return Trial(
            status=Status.UNPARSABLE,
            proposal=proposal.model_copy(update={"error": error}),
            error=error,
            **common,
        )
    architecture = SPACE.sample(np.random.default_rng(number))
    claims = (ResidualIn(stages=(1,)), ExpectedAccuracy(expected="higher", than="mean"))
    rationale = Rationale(
        claims=claims, text="A skip keeps the gradient.", faults=("claims.2: no such claim",)
    )
    proposal = proposal.model_copy(update={"architecture": architecture, "rationale": rationale})
    verdict = validator.validate(architecture, known)
    if not verdict.accepted:
        return Trial(status=Status.REJECTED, proposal=proposal, verdict=verdict, **common)
    if number % 17 == 3:
        return Trial(
            status=Status.FAILED,
            proposal=proposal,
            verdict=verdict,
            error="the loss is not finite in epoch 2",
            **common,
        )
    return Trial(
        status=Status.TRAINED,
        proposal=proposal,
        verdict=verdict,
        score=score_double(architecture, number),
        **common,
    )


@pytest.fixture
def target() -> Target:
    return TARGET


@pytest.fixture
def pareto() -> ParetoFront:
    return ParetoFront(OBJECTIVES, TARGET.limits)


@pytest.fixture
def measure() -> Callable[..., Measurement]:
    return measurement_double


@pytest.fixture(scope="session")
def write_run() -> Callable[..., Path]:
    """Fills a folder with ``count`` trials; with ``finished`` also with what all later stages
    leave.
    """
    return _write_run


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """The same in a folder of the test's own."""
    return partial(_write_run, tmp_path)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """The records of a run of which every stage was run."""
    return read_run(RunFolder(_write_run(tmp_path_factory.mktemp("finished"))))


@pytest.fixture(scope="session")
def setting() -> Setting:
    return Setting(ParetoFront(OBJECTIVES, TARGET.limits), TARGET, NUM_CLASSES, load_space("mcu"))


def _write_run(folder: Path, count: int = 60, finished: bool = True, enforce: bool = True) -> Path:
    pareto = ParetoFront(OBJECTIVES, TARGET.limits)
    validator, known, trials = Validator(SPACE, TARGET, NUM_CLASSES, enforce), set(), []
    for number in range(count):
        trials.append(make_trial(number, validator, known))
        known |= {trials[-1].id} - {None}
    front = pareto.front(trials)
    write(folder / "history.jsonl", trials)
    (folder / "front.json").write_text(
        Front(hypervolume=pareto.hypervolume(trials), trials=tuple(front)).model_dump_json()
    )
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text(
        yaml.safe_dump(["+experiment=quickstart", "data.archive=[a b.npz]"])
    )
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump({"seed": 7}))
    if finished and front:
        finish(folder, front[0].architecture)
        measured = [
            MeasuredCandidate(
                architecture=t.architecture, measurement=measurement_double(t.architecture)
            )
            for t in front
        ]
        write(folder / "measured.jsonl", measured)
    return folder


def finish(folder: Path, architecture: Architecture) -> None:
    for stage, file, bonus in (("full", "full", 0.04), ("distill", "distill", 0.06)):
        score = score_double(architecture, 1, epochs=12, bonus=bonus)
        teacher = "vit_base_patch16_224" if stage == "distill" else None
        line = TrainedNetwork(
            stage=stage,
            architecture=architecture,
            seed=7,
            score=score,
            checkpoint=f"{stage}/a.ckpt",
            teacher=teacher,
        )
        write(folder / f"{file}.jsonl", [line])
    test = {
        "images": 1000,
        "test_accuracy": 0.861,
        "test_macro_f1": 0.86,
        "test_calibration_error": 0.04,
        "seconds": 2.0,
    }
    in_float = Evaluation(
        stage="distill", architecture=architecture, checkpoint="distill/a.ckpt", **test
    )
    in_int8 = Evaluation(
        stage="deploy",
        architecture=architecture,
        checkpoint="deploy/a-distill",
        **test | {"test_accuracy": 0.853},
    )
    write(folder / "test.jsonl", [in_float, in_int8])
    write(folder / "deploy.jsonl", [deployment_double(architecture)])
    score = score_double(architecture, 2, epochs=3, bonus=0.1)
    teacher = TrainedTeacher(
        name="vit_base_patch16_224",
        checkpoint="teacher.ckpt",
        parameters=85_875_556,
        trained=True,
        score=score,
    )
    (folder / "teacher.json").write_text(teacher.model_dump_json())
    (folder / "examination.json").write_text(
        examination_double(architecture, folder).model_dump_json()
    )
    (folder / "rules.json").write_text(rules_double().model_dump_json())
    write(folder / "provenance.jsonl", [provenance(["search", "report"])])
    (folder / "settings.json").write_text('{"data_checksum": "35b6299966fe"}')


def write(path: Path, records: list) -> None:
    path.write_text(
        "".join(record.model_dump_json() + "\n" for record in records), encoding="utf-8"
    )
