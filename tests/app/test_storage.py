"""A run with storage, as it is typed: its files stand there, too, and come back from there."""

import shutil
from pathlib import Path

import pytest

from lmanet.run.folder import RunFolder
from lmanet.run.mirror import MIRRORED

pytestmark = pytest.mark.slow  # runs whole searches

TINY = ("+experiment=bench_lmanet", "propose=sampler", "budget.proposals=3")
ENOUGH = {"history.jsonl", "front.json", "settings.json", ".hydra/overrides.yaml", "run.log"}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_goes_on_from_its_storage_on_a_machine_that_has_nothing_of_it(typed, tmp_path: Path):
    place = tmp_path / "bucket" / "run 1"
    ended = typed(*TINY, "hydra.run.dir=run", f"storage='file://{place}'")
    assert ended.code == 0, ended.error
    assert names(place) >= ENOUGH and not names(place) & {".lock", MIRRORED}
    before = RunFolder(tmp_path / "run").trials()
    shutil.rmtree(tmp_path / "run")  # the machine is gone
    ended = typed(f"resume=file://{place}", "budget.proposals=6")
    assert ended.code == 0, ended.error
    here = RunFolder(tmp_path / "multirun" / "run 1")
    assert here.trials()[:3] == before and len(here.trials()) == 6
    assert RunFolder(place).trials() == here.trials()
    assert typed("resume=multirun/run 1", "budget.proposals=7").code == 0, "nor is the URL needed"
    assert len(RunFolder(place).trials()) == 7


def test_where_the_files_were_moved_the_run_keeps_them_from_then_on(typed, tmp_path: Path):
    assert typed(*TINY, "hydra.run.dir=run", f"storage=file://{tmp_path}/old").code == 0
    (tmp_path / "old").rename(tmp_path / "new")
    ended = typed(f"resume=file://{tmp_path}/new", "budget.proposals=4")
    assert ended.code == 0, ended.error
    assert len(RunFolder(tmp_path / "new").trials()) == 4 and not (tmp_path / "old").exists()


def test_storage_that_cannot_be_used_is_said_before_the_first_trial(typed, tmp_path: Path):
    ended = typed(*TINY, "hydra.run.dir=run", "storage=bucket")
    assert ended.code == 1 and "storage=bucket: it takes a URL" in ended.error
    (tmp_path / "file").touch()
    ended = typed(*TINY, "hydra.run.dir=run", f"storage=file://{tmp_path}/file/run")
    assert ended.code == 1 and "cannot be" in ended.error
    assert not (tmp_path / "run" / "history.jsonl").exists()
    ended = typed(f"resume=file://{tmp_path}/nothing")
    assert ended.code == 1 and "no run there" in ended.error


def test_two_runs_are_not_written_into_one_place(typed, tmp_path: Path):
    assert typed(*TINY, "hydra.run.dir=run", f"storage=file://{tmp_path}/place").code == 0
    before = (tmp_path / "place" / "history.jsonl").read_bytes()
    ended = typed(*TINY, "hydra.run.dir=other", f"storage=file://{tmp_path}/place")
    assert ended.code == 1 and "holds another run" in ended.error
    assert (tmp_path / "place" / "history.jsonl").read_bytes() == before
