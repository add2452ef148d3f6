"""Weights & Biases itself, offline: what lies on the disk is read back from its own log."""

import json
import logging
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from wandb_log import read_log

from lmanet.claims.kinds import DownsamplesEarly, Rationale
from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.run.brief import Budget
from lmanet.run.folder import FULL, HISTORY, RULES, TEST
from lmanet.run.lines import append_record, write_record
from lmanet.run.measurement import Measurement
from lmanet.run.records import Epoch, Score
from lmanet.run.results import DesignRules, Evaluation, Rule, TrainedNetwork, Usage
from lmanet.space import architecture_id
from lmanet.track import WandbTracker
from lmanet.track.wandb_report import TABLES, blocks, reports_api

pytestmark = pytest.mark.slow  # starts W&B

NETWORK = load_architecture("lmanet_core")
CURVE = tuple(
    Epoch(epoch=e, train_loss=1.0 - e / 10, val_loss=1.0, val_accuracy=0.5 + e / 10, seconds=1.0)
    for e in range(3)
)


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    """Neither a key nor a server: nothing of this machine's account is used."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))


def offline_runs(folder: Path) -> list[Path]:
    return sorted((folder / "wandb").glob("offline-run-*"))


def records(run: Path) -> list:
    """The records of a run, once W&B's service, which writes after the run has ended too, has
    written the last of them.
    """
    deadline = time.monotonic() + 20
    while not any(record.HasField("exit") for record in read_log(run)):
        assert time.monotonic() < deadline, "the run was not closed"
        time.sleep(0.05)
    return read_log(run)


def logged(run: Path) -> list[dict]:
    rows = [
        record.history for record in records(run) if record.WhichOneof("record_type") == "history"
    ]
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in row.item}
        for row in rows
    ]


def test_a_search_is_recorded_offline(tmp_path, trials, tell):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text(
        yaml.safe_dump({"seed": 7, "target": {"name": "stm32f446"}})
    )
    (tmp_path / "history.jsonl").write_text("{}\n")
    (tmp_path / "front.json").write_text("{}")
    tracker = WandbTracker(tmp_path, "lmanet")
    tell(tracker, trials)
    assert tracker.run is None
    (run,) = offline_runs(tmp_path)
    rows = logged(run)
    ends = [row for row in rows if "seconds" in row]
    assert [row["trial"] for row in ends] == [0, 1, 2, 3]
    assert (
        ends[0]["score/val_accuracy"] == 0.5 and ends[0]["cost/macs"] == trials[0].verdict.cost.macs
    )
    assert "score/val_accuracy" not in ends[1] and "cost/macs" not in ends[2]
    assert {key: value for key, value in ends[3].items() if key.startswith("status/")} == {
        "status/trained": 2,
        "status/rejected": 1,
        "status/unparsable": 1,
    }
    fronts = [row for row in rows if "hypervolume" in row]
    assert [row["front_size"] for row in fronts] == [1, 2] and all(
        {"front/nrows", "front_plot_table/nrows"} <= set(row) for row in fronts
    )
    assert sum(record.HasField("exit") for record in records(run)) == 1
    configured = [
        item.key
        for record in records(run)
        if record.HasField("run")
        for item in record.run.config.update
    ]
    assert {"seed", "target"} <= set(configured)
    tables = list((run / "files" / "media" / "table").glob("front_*.table.json"))
    assert json.loads(tables[0].read_text())["columns"][:2] == ["validation accuracy", "MACs"]


def test_what_the_validator_measured_is_recorded(tmp_path, trials, tell):
    figures = {
        "tflite_bytes": 9,
        "measured_tflm_head_bytes": 960,
        "measured_tflm_tail_bytes": 1760,
        "measured_bss_bytes": 1024,
    }
    figures |= {
        "measured_flash_bytes": 19304,
        "measured_stack_bytes": 356,
        "measured_instructions": 26721,
    }
    tools = {
        "toolchain": "zig",
        "emulator": "unicorn",
        "core": "cortex-m7",
        "images": 1,
        "kernel_instructions": {},
        "seconds": 0.8,
    }
    verdict = trials[0].verdict.model_copy(update={"measurement": Measurement(**figures, **tools)})
    tell(
        WandbTracker(tmp_path, "lmanet"),
        [trials[0].model_copy(update={"verdict": verdict}), trials[1]],
    )
    first, second = (row for row in logged(offline_runs(tmp_path)[0]) if "seconds" in row)
    assert {key: value for key, value in first.items() if key.startswith("measured/")} == {
        "measured/bss_bytes": 1024,
        "measured/tflm_arena_bytes": 2720,
        "measured/flash_bytes": 19304,
        "measured/stack_bytes": 356,
        "measured/instructions": 26721,
    }
    assert not [key for key in second if key.startswith("measured/")]


def test_its_files_are_an_artifact(tmp_path, trials, tell):
    (tmp_path / "history.jsonl").write_text("{}\n")
    tell(WandbTracker(tmp_path, "lmanet"), trials[:1])
    artifacts = [
        record.artifact
        for run in offline_runs(tmp_path)
        for record in records(run)
        if record.HasField("artifact")
    ]
    searched = [artifact for artifact in artifacts if artifact.type == "search"]
    assert [entry.path for entry in searched[0].manifest.contents] == ["history.jsonl"]


def test_a_resumed_search_goes_on_under_the_same_id(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet"), trials[:3])
    tell(WandbTracker(tmp_path, "lmanet"), trials[3:], before=trials[:3])
    identity = (tmp_path / "wandb" / "run_id.txt").read_text()
    runs = offline_runs(tmp_path)
    assert runs and all(identity in run.name for run in runs)
    assert logged(runs[-1])[0]["status/trained"] == 2


def test_a_row_that_a_stop_kept_back_comes_with_the_resumed_search(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet"), trials[:1])
    tell(WandbTracker(tmp_path, "lmanet"), trials[2:], before=trials[:2])
    rows = [row for row in logged(offline_runs(tmp_path)[-1]) if "seconds" in row]
    assert [row["trial"] for row in rows] == [1, 2, 3]
    assert sum(value for key, value in rows[0].items() if key.startswith("status/")) == 2


def test_a_run_of_before_that_goes_on_twice_sends_no_row_again(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet"), trials[2:3], before=trials[:2])
    tell(WandbTracker(tmp_path, "lmanet"), trials[3:], before=trials[:3])
    rows = [row for row in logged(offline_runs(tmp_path)[-1]) if "seconds" in row]
    assert [row["trial"] for row in rows] == [3]


def test_two_runs_of_a_sweep_are_two_runs(tmp_path, trials, tell):
    for job in ("0", "1"):
        tell(WandbTracker(tmp_path / job, "lmanet"), trials[:1])
    assert len({(tmp_path / job / "wandb" / "run_id.txt").read_text() for job in ("0", "1")}) == 2
    assert all(len(offline_runs(tmp_path / job)) == 1 for job in ("0", "1"))


def test_a_key_without_a_network_falls_back_offline_and_says_so(
    tmp_path, trials, tell, monkeypatch, caplog
):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    caplog.set_level(logging.WARNING, "lmanet")
    tell(WandbTracker(tmp_path, "lmanet", wait_seconds=2), trials[:1])
    assert "this run is tracked offline" in caplog.text
    assert len(offline_runs(tmp_path)) == 1


def test_online_without_a_network_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    tracker = WandbTracker(tmp_path, "lmanet", mode="online", wait_seconds=2)
    with pytest.raises(
        ConfigError, match=r"gives no run in mode online: .*track.wandb.mode=offline"
    ):
        tracker.on_search_start([], Budget(proposals=1))


def test_disabled_leaves_no_run(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet", mode="disabled"), trials)
    assert offline_runs(tmp_path) == []


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"mode='on' is unknown; legal are auto, offline, online, disabled"
    ):
        WandbTracker(tmp_path, "lmanet", mode="on")


@pytest.fixture
def finished(tmp_path, trials):
    """A run as its stages leave it; accuracies stand for trainings."""
    said = trials[0].proposal.model_copy(
        update={"rationale": Rationale(claims=(DownsamplesEarly(),))}
    )
    for trial in (trials[0].model_copy(update={"proposal": said}), *trials[1:]):
        append_record(tmp_path / HISTORY, trial)
    score = Score(val_accuracy=0.7, seconds=3.0, curve=CURVE)
    append_record(
        tmp_path / FULL,
        TrainedNetwork(
            stage="full", architecture=NETWORK, seed=0, score=score, checkpoint="full/x.ckpt"
        ),
    )
    tested = {
        "images": 10,
        "test_accuracy": 0.6,
        "test_macro_f1": 0.6,
        "test_calibration_error": 0.1,
        "seconds": 1.0,
    }
    append_record(
        tmp_path / TEST,
        Evaluation(stage="full", architecture=NETWORK, checkpoint="full/x.ckpt", **tested),
    )
    rule = Rule(choice="stage1.kernel", value=5, effect="raises")
    write_record(
        tmp_path / RULES,
        DesignRules(proposer="m", reply="", rules=(rule,), note="", trials=2, usage=Usage()),
    )
    (tmp_path / "report.html").write_text("<html></html>")
    (tmp_path / "student.ckpt").write_bytes(b"weights")
    release = tmp_path / "release" / "lmanet_x"
    release.mkdir(parents=True)
    (release / "model.onnx").write_bytes(b"onnx")
    return tmp_path


def test_tables_curves_and_artifacts_are_recorded(finished, caplog):
    caplog.set_level(logging.INFO, "lmanet")
    WandbTracker(finished, "lmanet", report=True).on_run_end()
    (run,) = offline_runs(finished)
    rows = logged(run)
    group = f"full/{architecture_id(NETWORK)}-0"
    curve = [row for row in rows if f"{group}/val_accuracy" in row]
    assert [row[f"{group}/val_accuracy"] for row in curve] == pytest.approx([0.5, 0.6, 0.7])
    assert [row[f"{group}/epoch"] for row in curve] == [0, 1, 2]
    written = [
        json.loads(path.read_text())
        for path in (run / "files" / "media" / "table").glob("*.table.json")
    ]
    by_head = {content["columns"][0]: content["data"] for content in written}
    identity = architecture_id(NETWORK)
    assert ["full", identity, "validation", 0.7, 3, None] in by_head["stage"] and [
        "full",
        identity,
        "test",
        0.6,
        None,
        None,
    ] in by_head["stage"]
    assert by_head["choice"] == [["stage1.kernel", "5", "raises"]]
    assert [row[1] for row in by_head["model"]] == ["all kinds", "downsamples_early"]
    artifacts = {
        record.artifact.type: record.artifact
        for record in records(run)
        if record.HasField("artifact")
    }
    held = {
        kind: sorted(entry.path for entry in artifact.manifest.contents)
        for kind, artifact in artifacts.items()
    }
    assert held["model"] == ["release/lmanet_x/model.onnx", "student.ckpt"]
    assert held["report"] == ["report.html", "rules.json"]
    assert "wandb sync" in caplog.text and "online alone" in caplog.text


def test_an_empty_run_sends_nothing_and_fails_at_nothing(tmp_path):
    WandbTracker(tmp_path, "lmanet").on_run_end()
    assert not any(record.HasField("artifact") for record in records(offline_runs(tmp_path)[0]))


def test_disabled_opens_no_run(finished):
    WandbTracker(finished, "lmanet", mode="disabled").on_run_end()
    assert offline_runs(finished) == []


def test_the_report_s_blocks_are_made_without_asking_wandb():
    api = reports_api()
    made = blocks(api, "lmanet", "someone", "4f00aa", ["distill/abc-0"])
    grids = [block for block in made if isinstance(block, api.PanelGrid)]
    panels = [panel for grid in grids for panel in grid.panels]
    assert [
        panel.table_name for panel in panels if isinstance(panel, api.WeavePanelSummaryTable)
    ] == list(TABLES)
    lines = {panel.title: panel for panel in panels if isinstance(panel, api.LinePlot)}
    assert "Hypervolume" in lines and "Training distill/abc-0" in lines
    assert api.Report(project="lmanet", entity="someone", title="t", blocks=made).blocks == made


def test_a_report_that_cannot_be_made_is_said_and_loses_nothing(tmp_path, caplog):
    """Nobody is logged in here: the API refuses, as it does without a network."""
    online = SimpleNamespace(offline=False, project="lmanet", entity="someone", id="4f00aa")
    WandbTracker(tmp_path, "lmanet", report=True)._report(online, [])
    assert (
        "no W&B report could be made" in caplog.text
        and not (tmp_path / "wandb" / "report_url.txt").exists()
    )


@pytest.mark.parametrize(
    "project", ["team/plant 1", "a#b", "a:b", "100%", "why?", "a\\b", "", "a" * 129]
)
def test_a_project_that_wandb_refuses_is_refused_before_the_run(tmp_path, project):
    with pytest.raises(
        ConfigError, match=r"track.wandb.project=.*: W&B takes 1 to 128 characters, none of"
    ):
        WandbTracker(tmp_path, project)


def test_a_project_with_spaces_and_accents_is_taken(tmp_path):
    assert WandbTracker(tmp_path, "Prüfstand 1").project == "Prüfstand 1"


def test_wandb_mode_is_obeyed(tmp_path, monkeypatch, trials, tell):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    tell(WandbTracker(tmp_path, "lmanet"), trials)
    assert not offline_runs(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert WandbTracker(tmp_path, "lmanet").mode == "offline"
    assert WandbTracker(tmp_path, "lmanet", mode="online").mode == "online", (
        "what is set says more than the environment"
    )
