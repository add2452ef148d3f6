"""Weights & Biases itself, offline: what lies on the disk is read back from its own log."""

import json
import logging
import struct
import time
from pathlib import Path

import pytest
import yaml
from wandb.proto import wandb_internal_pb2

from lmanet.brief import Budget
from lmanet.errors import ConfigError
from lmanet.records import Measurement
from lmanet.track import WandbTracker

BLOCK, FULL, LAST = 32768, 1, 4


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
    """The records of a run, once W&B's service, which writes after the run has ended too, has written the last of them."""
    deadline = time.monotonic() + 20
    while not any(record.HasField("exit") for record in read_log(run)):
        assert time.monotonic() < deadline, "the run was not closed"
        time.sleep(0.05)
    return read_log(run)


def read_log(run: Path) -> list:
    """What stands in a ``.wandb`` file: LevelDB's log format, 7 bytes of header, blocks of 32 KiB, each chunk (crc, length, type)."""
    content = next(run.glob("*.wandb")).read_bytes()
    found, whole, place = [], b"", 7
    while place + 7 <= len(content):  # the end may not be written yet
        if (room := BLOCK - place % BLOCK) < 7:
            place += room
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        if place + 7 + length > len(content):
            break
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (FULL, LAST):
            found.append(wandb_internal_pb2.Record.FromString(whole))
            whole = b""
    return found


def logged(run: Path) -> list[dict]:
    rows = [record.history for record in records(run) if record.WhichOneof("record_type") == "history"]
    return [{"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in row.item} for row in rows]


def test_a_search_is_recorded_offline(tmp_path, trials, tell):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text(yaml.safe_dump({"seed": 7, "target": {"name": "stm32f446"}}))
    (tmp_path / "history.jsonl").write_text("{}\n")
    (tmp_path / "front.json").write_text("{}")
    tracker = WandbTracker(tmp_path, "lmanet")
    tell(tracker, trials)
    assert tracker.run is None
    (run,) = offline_runs(tmp_path)
    rows = logged(run)
    ends = [row for row in rows if "seconds" in row]
    assert [row["trial"] for row in ends] == [0, 1, 2, 3]
    assert ends[0]["score/val_accuracy"] == 0.5 and ends[0]["cost/macs"] == trials[0].verdict.cost.macs
    assert "score/val_accuracy" not in ends[1] and "cost/macs" not in ends[2]
    assert {key: value for key, value in ends[3].items() if key.startswith("status/")} == {
        "status/trained": 2,
        "status/rejected": 1,
        "status/unparsable": 1,
    }
    fronts = [row for row in rows if "hypervolume" in row]
    assert [row["front_size"] for row in fronts] == [1, 2] and all({"front/nrows", "front_plot_table/nrows"} <= set(row) for row in fronts)
    assert sum(record.HasField("exit") for record in records(run)) == 1
    configured = [item.key for record in records(run) if record.HasField("run") for item in record.run.config.update]
    assert {"seed", "target"} <= set(configured)
    tables = list((run / "files" / "media" / "table").glob("front_*.table.json"))
    assert json.loads(tables[0].read_text())["columns"][:2] == ["validation accuracy", "MACs"]


def test_what_the_validator_measured_is_recorded(tmp_path, trials, tell):
    figures = {"tflite_bytes": 9, "measured_tflm_head_bytes": 960, "measured_tflm_tail_bytes": 1760, "measured_bss_bytes": 1024}
    figures |= {"measured_flash_bytes": 19304, "measured_stack_bytes": 356, "measured_instructions": 26721}
    tools = {"toolchain": "zig", "emulator": "unicorn", "core": "cortex-m7", "images": 1, "kernel_instructions": {}, "seconds": 0.8}
    verdict = trials[0].verdict.model_copy(update={"measurement": Measurement(**figures, **tools)})
    tell(WandbTracker(tmp_path, "lmanet"), [trials[0].model_copy(update={"verdict": verdict}), trials[1]])
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
    artifacts = [record.artifact for run in offline_runs(tmp_path) for record in records(run) if record.HasField("artifact")]
    searched = [artifact for artifact in artifacts if artifact.type == "search"]
    assert [entry.path for entry in searched[0].manifest.contents] == ["history.jsonl"]


def test_a_resumed_search_goes_on_under_the_same_id(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet"), trials[:3])
    tell(WandbTracker(tmp_path, "lmanet"), trials[3:], before=trials[:3])
    identity = (tmp_path / "wandb" / "run_id.txt").read_text()
    runs = offline_runs(tmp_path)
    assert runs and all(identity in run.name for run in runs)
    assert logged(runs[-1])[0]["status/trained"] == 2


def test_two_runs_of_a_sweep_are_two_runs(tmp_path, trials, tell):
    for job in ("0", "1"):
        tell(WandbTracker(tmp_path / job, "lmanet"), trials[:1])
    assert len({(tmp_path / job / "wandb" / "run_id.txt").read_text() for job in ("0", "1")}) == 2
    assert all(len(offline_runs(tmp_path / job)) == 1 for job in ("0", "1"))


def test_a_key_without_a_network_falls_back_offline_and_says_so(tmp_path, trials, tell, monkeypatch, caplog):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    caplog.set_level(logging.WARNING, "lmanet")
    tell(WandbTracker(tmp_path, "lmanet", init_seconds=2), trials[:1])
    assert "this run is tracked offline" in caplog.text
    assert len(offline_runs(tmp_path)) == 1


def test_online_without_a_network_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    tracker = WandbTracker(tmp_path, "lmanet", mode="online", init_seconds=2)
    with pytest.raises(ConfigError, match=r"gives no run in mode online: .*track.wandb.mode=offline"):
        tracker.on_search_start([], Budget(proposals=1))


def test_disabled_leaves_no_run(tmp_path, trials, tell):
    tell(WandbTracker(tmp_path, "lmanet", mode="disabled"), trials)
    assert offline_runs(tmp_path) == []


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"mode='on' is unknown; legal are auto, offline, online, disabled"):
        WandbTracker(tmp_path, "lmanet", mode="on")
