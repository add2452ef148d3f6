"""A disk that is full, a limit to files, a line or a checkpoint that is not whole, a clock that is
set back: one sentence, or what is lost is made again; never a history that is wrong.
"""

import resource
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import torch

from lmanet import search as search_module
from lmanet.app.lock import claimed
from lmanet.distill import StoredLogits, TeacherSource, TeacherTraining
from lmanet.errors import DiskError, HistoryError, LmanetError
from lmanet.execute.job import run_job
from lmanet.files import append_line, cache_folder, is_whole_zip, sha256_of_files, write_text
from lmanet.network.weights import Checkpoint, load_network, save_network
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.lines import read_records
from lmanet.run.records import Job, Proposal, Status, Trial
from lmanet.run.results import TrainedNetwork
from lmanet.run.shared_settings import remember_settings
from lmanet.train import FullTraining, Trainer
from lmanet.train.trainer import LAST


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def trial(number: int, status: Status = Status.FAILED) -> Trial:
    return Trial(
        number=number,
        status=status,
        proposal=Proposal(proposer="test", reply="a reply " * 50),
        seed=0,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        elapsed_seconds=1.0,
    )


def test_a_full_disk_is_one_sentence(tmp_path: Path):
    (tmp_path / "lines.jsonl").symlink_to("/dev/full")
    with pytest.raises(
        DiskError,
        match=r"lines.jsonl cannot be read or written \(No space left on device\); make room",
    ):
        append_line(tmp_path / "lines.jsonl", "a line")


@pytest.mark.parametrize("write", [append_line, write_text])
def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path, write: Callable[..., None]):
    with pytest.raises(DiskError, match=r"run is gone, with its disk or by a hand; bring it back"):
        write(tmp_path / "run" / "history.jsonl", "a line")


def test_a_limit_to_files_leaves_the_old_file(tmp_path: Path):
    write_text(tmp_path / "front.json", "old")
    with files_of_at_most(1000), pytest.raises(DiskError, match="File too large"):
        write_text(tmp_path / "front.json", "new" * 1000)
    assert [each.name for each in tmp_path.iterdir()] == ["front.json"]
    assert (tmp_path / "front.json").read_text() == "old"


def test_a_line_that_the_disk_did_not_take_whole_is_no_trial_and_the_next_takes_its_place(
    tmp_path: Path,
):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    size = history.run.history.path.stat().st_size
    with files_of_at_most(size + 100), pytest.raises(DiskError):
        history.append(trial(1))
    assert [each.number for each in history.trials] == [0], "nor does a front have it"
    assert history.run.history.path.stat().st_size == size + 100, "a part of it stands there"
    again = History(RunFolder(tmp_path))
    again.append(trial(1))
    assert [each.number for each in History(RunFolder(tmp_path)).trials] == [0, 1]


@pytest.mark.slow
def test_a_search_on_a_full_disk_ends_with_a_sentence_and_goes_on_later(
    drivers, table, found, tmp_path: Path
):
    settings = (*table, "budget.proposals=40")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.log").write_text("." * 29_999 + "\n")  # nor is there room for it
    driver = drivers.start(tmp_path, *settings, "hydra.run.dir=run", MOST_FILE_BYTES="30000")
    assert driver.wait() == 1
    *_, error, advice = driver.said.splitlines()
    assert error.startswith("error: ") and "cannot be read or written (File too large" in error
    assert advice == "nothing is lost; go on with: python run.py resume=run"
    assert "Traceback" not in driver.said
    drivers.run(tmp_path, "resume=run")
    drivers.run(tmp_path, *settings, "hydra.run.dir=whole")
    assert found(tmp_path / "run") == found(tmp_path / "whole")


@pytest.mark.slow
def test_a_disk_that_takes_no_checkpoint_ends_the_search_and_fails_no_candidate(
    data, small, make_recipe, tmp_path: Path
):
    job = Job(number=0, architecture=small, seed=0, epochs=1, folder=tmp_path / "paused")
    with files_of_at_most(2000), pytest.raises(DiskError, match="File too large"):
        run_job(Trainer(data, make_recipe()), job)
    job = job.model_copy(update={"epochs": None, "folder": None, "weights": tmp_path / "1.ckpt"})
    with files_of_at_most(2000), pytest.raises(DiskError, match=r"1\.ckpt cannot be"):
        run_job(Trainer(data, make_recipe()), job)
    assert not list(tmp_path.glob("*.ckpt*"))


@pytest.mark.slow
def test_two_drivers_on_one_folder(drivers, table, lines, found, tmp_path: Path):
    """The second is refused; once the first is killed, its lock is free."""
    settings = (*table, "budget.proposals=3000")
    first = drivers.start(tmp_path, *settings, "hydra.run.dir=run")
    first.until(lambda: lines(tmp_path / "run" / "history.jsonl") > 2)
    first.send(signal.SIGSTOP)  # it holds still, and its lock, however fast the machine is
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    second = drivers.start(elsewhere, f"resume={tmp_path / 'run'}")
    assert second.wait() == 1 and "another process works in" in second.said
    assert first.is_alive
    first.kill()
    drivers.run(tmp_path, "resume=run", "budget.proposals=60")


@pytest.mark.slow
def test_a_history_that_two_drivers_wrote_is_mended_by_one_command(drivers, table, tmp_path: Path):
    """As versions without a lock left them: trials of both under the same numbers."""
    for name, proposals in (("run", 60), ("other", 40)):
        seed = f"seed={len(name)}"
        given = (*table, f"budget.proposals={proposals}", seed, f"hydra.run.dir={name}")
        drivers.run(tmp_path, *given)
    run, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "other")
    with run.history.path.open("ab") as file:
        file.write(other.history.path.read_bytes())
        file.write(run.history.path.read_bytes().splitlines(keepends=True)[0])
    doubled = run.history.path.read_bytes()
    driver = drivers.start(tmp_path, "resume=run", "budget.proposals=110")
    assert driver.wait() == 1
    assert f"mend it: python run.py resume={run.path} 'stages=[mend]'" in driver.said
    drivers.run(tmp_path, "resume=run", "stages=[mend]")
    assert (tmp_path / "run" / "history_doubled.jsonl").read_bytes() == doubled
    drivers.run(tmp_path, "resume=run", "budget.proposals=110")
    numbers = [each.number for each in run.history.read()]
    assert sorted(numbers) == list(range(110)), "none of the hundred is lost, none stands twice"


def test_two_starts_in_one_second_have_two_folders(tmp_path: Path):
    path = tmp_path / "multirun" / "name" / "2026-01-31_12-00-00"
    with claimed(path, given=False) as first, claimed(path, given=False) as second:
        assert first == path and second == path.with_name(f"{path.name}_2")
        assert first.is_dir() and second.is_dir()


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line[:-20] + "\n",
        lambda line: line.replace('"failed"', '"shiny"'),  # a status of a later version
        lambda line: line.replace('{"number"', '{"colour": "red", "number"'),
        lambda line: "\ufffd\n",
        lambda line: "\n",
    ],
    ids=["cut", "status", "field", "garbage", "empty"],
)
def test_a_line_of_another_version_or_a_damaged_one_is_named_and_left_alone(tmp_path: Path, change):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    path = history.run.history.path
    content = path.read_text()
    content += change(content.replace('"number":0', '"number":1')) + content
    path.write_text(content)
    with pytest.raises(HistoryError, match=r"history.jsonl, line 2 holds no Trial \(.*resume"):
        History(RunFolder(tmp_path))
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "\x00\x01", '{"seed": 1'])
def test_settings_that_are_not_whole_are_one_sentence_and_are_not_taken_for_none(
    tmp_path: Path, content: str
):
    run = RunFolder(tmp_path)
    run.history.append(trial(0))
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(HistoryError, match=r"settings\.json .*correct or remove it"):
        remember_settings(run, {"seed": 1})
    assert (tmp_path / "settings.json").read_text() == content


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b""])
def test_a_training_whose_checkpoint_is_damaged_begins_anew(
    data, small, make_recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage
):
    trainer, folder = Trainer(data, make_recipe()), tmp_path / "work"
    whole = trainer.fit(trainer.build(small, 1), 1)
    trainer.fit(trainer.build(small, 1), 1, folder=folder, epochs=1)
    (folder / LAST).write_bytes(damage((folder / LAST).read_bytes()))
    again = trainer.fit(trainer.build(small, 1), 1, folder=folder)
    assert again.val_accuracy == whole.val_accuracy and again.epochs == 2
    assert [text for text in caplog.messages if "damaged" in text] == [
        f"{folder / LAST} is damaged, so this training begins anew"
    ]


@pytest.mark.slow
def test_a_trained_network_whose_weights_are_damaged_is_trained_again(
    data, small, make_recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    run, stage = RunFolder(tmp_path), FullTraining(Trainer(data, make_recipe()), 1, 1, small)
    stage.run(run)
    (line,) = read_records(tmp_path / "full.jsonl", TrainedNetwork)
    path = tmp_path / line.checkpoint
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LmanetError, match=r"not whole; .*resume its run with the stage"):
        load_network(path)
    stage.run(run)
    assert f"{path} is damaged: the network is trained in full again" in caplog.text
    assert load_network(path).network.architecture == small
    assert is_whole_zip(run.student)


@pytest.mark.slow
def test_a_teacher_whose_weights_are_damaged_is_trained_again(
    data, make_recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = TeacherSource("test_resnet", resolution=32)
    trainer = partial(Trainer, recipe=make_recipe(epochs=1))
    stage, run = TeacherTraining(data, 0, source, trainer, StoredLogits()), RunFolder(tmp_path)
    (first,) = stage.prepare(run)
    (tmp_path / "teacher.ckpt").write_bytes((tmp_path / "teacher.ckpt").read_bytes()[:5000])
    (again,) = stage.prepare(run)
    assert "teacher.ckpt is damaged: teacher test_resnet is trained again" in caplog.text
    assert all(
        torch.equal(tensor, first.state_dict()[name]) for name, tensor in again.state_dict().items()
    )


def test_a_checkpoint_is_whole_or_not_without_anything_of_it_being_run(tmp_path: Path):
    path = tmp_path / "a.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'false'\ntR.")
    assert is_whole_zip(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"false", b"fAlse"))
    assert not is_whole_zip(path), "a byte that was changed shows"


def test_weights_of_a_parent_that_are_damaged_are_not_inherited(make, data, tmp_path: Path):
    from lmanet.network.build import build

    run = RunFolder(tmp_path)
    history, architecture = History(run, inherit=True), make()
    proposal = Proposal(proposer="test", architecture=architecture)
    history.append(trial(0).model_copy(update={"proposal": proposal}))
    path = history.weights(0)
    assert path
    path.parent.mkdir()
    save_network(path, Checkpoint(build(architecture, 10), data.classes, (0.5,) * 3, (0.5,) * 3))
    identity = history.trials[0].id
    assert history.parent(identity)
    path.write_bytes(path.read_bytes()[:-50])
    assert history.parent(identity) is None


def test_an_int8_file_that_is_damaged_shows(tmp_path: Path):
    from lmanet.run.results import Deployed

    (tmp_path / "c").mkdir()
    (tmp_path / "model_int8.tflite").write_bytes(b"weights" * 100)
    (tmp_path / "c" / "network.c").write_text("int x;")
    deployed = Deployed.model_construct(sha256=sha256_of_files(tmp_path))
    assert deployed.damaged(tmp_path) == []
    (tmp_path / "model_int8.tflite").write_bytes(b"weights" * 50)
    (tmp_path / "c" / "network.c").unlink()
    assert deployed.damaged(tmp_path) == ["c/network.c", "model_int8.tflite"]
    assert Deployed.model_construct(sha256={}).damaged(tmp_path) == [], "of an earlier version"


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = cache_folder("kernels")
    (folder / "figures.json").write_text("{}")
    assert cache_folder("kernels") == folder and cache_folder("objects") != folder
    assert caplog.text.count("kernels cannot be written (Not a directory)") == 1


class SetBack(datetime):
    """A clock on the wall that is set back by an hour each time that it is looked at."""

    looked = 0

    @classmethod
    def now(cls, tz: object = None) -> "SetBack":
        cls.looked += 1
        return cls(2026, 1, 1, tzinfo=UTC) - timedelta(hours=cls.looked)  # type: ignore[return-value]


@pytest.mark.slow
def test_no_trial_takes_less_than_no_time_where_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from lmanet.app import Run
    from lmanet.app.compose import compose, in_folder

    monkeypatch.setattr(search_module, "datetime", SetBack)
    overrides = ["+experiment=bench_lmanet", "propose=random", "budget.proposals=12"]
    Run(in_folder(compose([*overrides, "budget.trained=null"]), tmp_path)).start()
    trials = RunFolder(tmp_path).trials()
    assert len(trials) == 12 and len({each.started_at for each in trials}) == 12
    assert all(0 <= each.seconds <= each.elapsed_seconds for each in trials)
