"""The files of a run: what a kill leaves, and which network is the best."""

import os
from pathlib import Path

import pytest

from lmanet.errors import ConfigError
from lmanet.files import append_line, copy_file, replaced, whole_lines, write_text
from lmanet.network import load_architecture
from lmanet.run.folder import RunFolder
from lmanet.run.records import Score
from lmanet.run.results import TrainedNetwork

ARCHITECTURE = load_architecture("lmanet_core")


def trained(accuracy: float, checkpoint: str, stage: str = "full") -> TrainedNetwork:
    score = Score(val_accuracy=accuracy, seconds=1.0)
    return TrainedNetwork(
        stage=stage, architecture=ARCHITECTURE, seed=0, score=score, checkpoint=checkpoint
    )


def add(run: RunFolder, network: TrainedNetwork) -> None:
    (run.path / network.checkpoint).write_text(network.checkpoint)
    run.add_trained(network)


def test_student_ckpt_follows_with_each_trained_network(tmp_path: Path):
    run = RunFolder(tmp_path)
    add(run, trained(0.6, "a.ckpt"))
    assert run.student.read_text() == "a.ckpt"
    add(run, trained(0.7, "b.ckpt"))  # a kill after this line loses neither
    assert run.student.read_text() == "b.ckpt"
    add(run, trained(0.5, "c.ckpt", "distill"))
    assert run.student.read_text() == "b.ckpt"


def test_of_equal_networks_the_later_is_the_best_for_every_reader(tmp_path: Path):
    run = RunFolder(tmp_path)
    for network in (
        trained(0.7, "a.ckpt"),
        trained(0.7, "b.ckpt"),
        trained(0.7, "c.ckpt", "distill"),
    ):
        add(run, network)
        best = run.best()
        assert best == network == run.require_trained("deploy")[0]
        assert run.student.read_text() == network.checkpoint


def test_without_a_trained_network_the_error_says_what_to_run(tmp_path: Path):
    run = RunFolder(tmp_path)
    assert run.best() is None
    with pytest.raises(ConfigError, match=r"to deploy; run the stage train first$"):
        run.require_trained("deploy")


def test_a_stage_that_was_not_run_has_nothing_to_read(tmp_path: Path):
    run = RunFolder(tmp_path / "new")
    files = (run.front, run.teacher, run.examination, run.rules)
    assert [file.read() for file in files] == [None] * 4
    assert run.trials() == run.tests.read() == run.notices.read() == []
    assert (run.settings(), run.config(), run.overrides()) == ({}, {}, ())


def test_small_numbers_of_the_settings_stay_numbers(tmp_path: Path):
    run = RunFolder(tmp_path)
    run.write_settings({"weight_decay": 1e-05})
    assert run.settings() == {"weight_decay": 1e-05}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "front.json"
    write_text(path, "old")
    with pytest.raises(OSError, match="disk full"), replaced(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("front.json", "old")]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch):
    path, named_before = tmp_path / "state.json", []
    forced = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (named_before.append(path.exists()), forced(file))
    )
    write_text(path, "1")
    assert named_before == [False] and path.read_text() == "1"


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path):
    for names in (("a", "b"), ("c",)):
        (tmp_path / "release.partial").mkdir(exist_ok=True)  # of a start that was broken off
        (tmp_path / "release.partial" / "torn").write_text("")
        with replaced(tmp_path / "release") as partial:
            partial.mkdir()
            for name in names:
                (partial / name).write_text(name)
        assert [path.name for path in tmp_path.iterdir()] == ["release"]
        assert {path.name for path in (tmp_path / "release").iterdir()} == set(names)


def test_a_line_that_a_kill_cut_off_makes_room_for_the_next(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    append_line(path, "one")
    with path.open("a") as file:
        file.write("tw")
    assert whole_lines(path) == [b"one"]
    append_line(path, "three")
    assert whole_lines(path) == [b"one", b"three"]


def test_a_copy_takes_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "a"
    assert len(list(tmp_path.iterdir())) == 2
