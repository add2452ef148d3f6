"""The last screen of a run: 80 columns, whole paths, and only what is there."""

from pathlib import Path

import numpy as np
import pytest

from lmanet.app.summary import FRONT_SHOWN, summary
from lmanet.board import load_target
from lmanet.cost import estimate
from lmanet.run.folder import HISTORY, REPORT_HTML, REPORT_MD, STUDENT, RunFolder
from lmanet.run.measurement import Measurement
from lmanet.run.records import Front, Proposal, Score, Status, Trial, Verdict
from lmanet.run.results import Deployed, Deployment, Evaluation, TrainedNetwork
from lmanet.space import load_space

SPACE = load_space("mcu", {"resolution": [32]})
BOARD = load_target("stm32f446")


def score(accuracy: float) -> Score:
    return Score(
        val_accuracy=accuracy,
        val_macro_f1=accuracy,
        val_calibration_error=0.1,
        seconds=3.0,
        curve=(),
    )


def trial(number: int) -> Trial:
    architecture = SPACE.sample(np.random.default_rng(number))
    return Trial(
        number=number,
        status=Status.TRAINED,
        proposal=Proposal(proposer="test", architecture=architecture),
        verdict=Verdict(accepted=True, cost=estimate(architecture, 10), violations=()),
        score=score(0.9 - number / 100),
        seed=number,
        started_at="2026-11-22T14:00:00.000+00:00",
        seconds=5.0,
        elapsed_seconds=10.0,
    )


def trained(stage: str, accuracy: float) -> TrainedNetwork:
    return TrainedNetwork(
        stage=stage,
        architecture=trial(0).architecture,
        seed=0,
        score=score(accuracy),
        checkpoint=f"{stage}/a.ckpt",
    )


def on_test_images(stage: str, accuracy: float) -> Evaluation:
    return Evaluation(
        stage=stage,
        architecture=trial(0).architecture,
        checkpoint="deploy/a" if stage == "deploy" else f"{stage}/a.ckpt",
        images=1000,
        test_accuracy=accuracy,
        test_macro_f1=accuracy,
        test_calibration_error=0.1,
        seconds=1.0,
    )


def deployed() -> Deployment:
    architecture = trial(0).architecture
    measurement = Measurement(
        toolchain="zig",
        emulator="unicorn",
        core="cortex-m4",
        images=4,
        tflite_bytes=1,
        measured_tflm_head_bytes=None,
        measured_tflm_tail_bytes=None,
        measured_bss_bytes=1,
        measured_flash_bytes=1,
        measured_stack_bytes=1,
        measured_instructions=1,
        kernel_instructions={},
        seconds=0.5,
    )
    return Deployment(
        stage="distill",
        architecture=architecture,
        checkpoint="distill/a.ckpt",
        calibration="mse",
        qat_epochs=0,
        float_val_accuracy=0.98,
        calibrated_val_accuracy=0.97,
        int8_val_accuracy=0.97,
        deployed=Deployed(
            folder="deploy/a",
            tflite="model_int8.tflite",
            program="c",
            firmware="firmware",
            target=BOARD.name,
            clock_mhz=180,
            cost=estimate(architecture, 10),
            measurement=measurement,
            estimated_latency_ms=(27.4, 77.5),
        ),
    )


def begun(path: Path, trials: int, front: int) -> RunFolder:
    """A run whose search is over."""
    path.mkdir(parents=True)
    run = RunFolder(path)
    found = [trial(number) for number in range(trials)]
    for each in found:
        run.history.append(each)
    run.front.write(Front(hypervolume=0.5, trials=found[:front]))
    return run


def ended(path: Path, front: int = 2) -> RunFolder:
    """A run whose stages are all done."""
    run = begun(path, max(front, 1), front)
    for stage, accuracy in (("full", 0.97), ("distill", 0.98)):
        run.full.append(trained(stage, accuracy))
        run.tests.append(on_test_images(stage, accuracy))
    run.deployments.append(deployed())
    run.tests.append(on_test_images("deploy", 0.975))
    (path / "deploy" / "a" / "firmware").mkdir(parents=True)
    for name in (REPORT_HTML, REPORT_MD, STUDENT, "deploy/a/firmware/README.md"):
        (path / name).touch()
    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "multirun" / f"a-{'very' * 30}-long-name" / "2026-11-29_03-19-00"


def paths_of(lines: list[str]) -> list[str]:
    """The files to open."""
    after = lines[lines.index("Open:") + 1 :]
    return [line for line in after if not line.startswith(("    ", "Next:"))]


def test_a_finished_run_names_its_front_its_best_network_and_three_files(folder: Path):
    ended(folder)
    lines = list(summary(folder))
    text = "\n".join(lines)
    assert "Pareto front" in text and "90.0%" in text and "89.0%" in text
    assert f"Best network: {trial(0).id}" in lines
    assert "    of 1,000 test images right: 97.5 % in int8, 98.0 % in float" in lines
    assert f"    27 to 78 ms for an image on {BOARD.name}, estimated" in lines
    assert [Path(path).name for path in paths_of(lines)] == [REPORT_HTML, "README.md", STUDENT]


def test_accuracies_are_of_the_best_training_and_not_of_another_of_its_architecture(folder: Path):
    run = ended(folder)
    other = deployed().model_copy(update={"checkpoint": "distill/old.ckpt"})
    older = other.deployed.model_copy(update={"folder": "deploy/old"})
    run.deployments.append(other.model_copy(update={"deployed": older}))
    for name, accuracy in (("distill/old.ckpt", 0.95), ("deploy/old", 0.94)):
        test = on_test_images("deploy", accuracy)
        run.tests.append(test.model_copy(update={"checkpoint": name}))
    lines = list(summary(folder))
    assert "    of 1,000 test images right: 97.5 % in int8, 98.0 % in float" in lines


def test_no_path_is_cut_and_all_else_has_80_columns(folder: Path, monkeypatch: pytest.MonkeyPatch):
    ended(folder)
    lines = list(summary(folder))
    assert all(Path(path).is_file() for path in paths_of(lines)), "as seen from here"
    rest = [line for line in lines if "very" not in line]
    assert max(len(each) for line in rest for each in line.splitlines()) <= 80
    assert str(folder.relative_to(Path.cwd())) in next(line for line in lines if "Next:" in line)
    monkeypatch.setenv("COLUMNS", "20")
    assert list(summary(folder)) == lines, "a narrow terminal cuts nothing"
    assert "\x1b" not in "".join(lines), "a pipe gets no colours"


def test_of_a_long_front_the_first_are_shown_and_the_others_counted(folder: Path):
    ended(folder, front=FRONT_SHOWN + 3)
    text = "\n".join(summary(folder))
    assert "and 3 more in front.json" in text
    assert trial(FRONT_SHOWN - 1).id in text and trial(FRONT_SHOWN).id not in text


def test_one_network_makes_a_front(folder: Path):
    ended(folder, front=1)
    text = "\n".join(summary(folder))
    assert text.count("90.0%") == 1 and "more in" not in text


def test_a_network_without_a_search_has_no_front(folder: Path):
    folder.mkdir(parents=True)
    RunFolder(folder).full.append(trained("full", 0.97))
    lines = list(summary(folder))
    assert lines[0].startswith("Best network: ") and "Pareto front" not in "\n".join(lines)
    assert "    of the validation images right: 97.0 %" in lines
    assert not any(line.startswith("Next:") for line in lines), "there is no search to go on with"


def test_where_later_stages_failed_only_what_is_there_is_told(folder: Path):
    run = begun(folder, trials=2, front=2)
    lines = list(summary(folder))
    assert not any("Best network" in line for line in lines), "none was trained in full"
    assert any(line.endswith(HISTORY) for line in lines)
    run.full.append(trained("full", 0.97))
    text = "\n".join(summary(folder))
    assert "validation images right: 97.0 %" in text
    assert "estimated" not in text.partition("Best network")[2], "nothing was deployed"


def test_an_empty_folder_is_told_in_no_line(folder: Path):
    folder.mkdir(parents=True)
    assert list(summary(folder)) == []
