"""What is sent to another machine: files by name, calls with the worker's own paths and data."""

from pathlib import Path

from lmanet.execute.parcel import Files, pack, unpack
from lmanet.network import load_architecture
from lmanet.run.records import Job


def two_machines(tmp_path: Path, *names: str) -> tuple[Files, Files]:
    (tmp_path / "there").mkdir()
    here = Files.of([tmp_path / "here" / name for name in names])
    return here, Files(tmp_path / "there", here.names)


def test_files_go_and_what_becomes_of_them_comes_back(tmp_path: Path):
    checkpoint = tmp_path / "here" / "checkpoints" / "3" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"epoch 1")
    here, there = two_machines(tmp_path, "checkpoints/3", "weights/3.ckpt")
    there.take(here.news())
    assert (tmp_path / "there/checkpoints/3/last.ckpt").read_bytes() == b"epoch 1"
    assert there.news() == ({}, ()), "what came from there is no news there"

    (tmp_path / "there/checkpoints/3/last.ckpt").write_bytes(b"epoch 2 of it")
    (tmp_path / "there/checkpoints/3/last.ckpt.partial").write_bytes(b"half of epo")
    (tmp_path / "there/weights").mkdir()
    (tmp_path / "there/weights/3.ckpt").write_bytes(b"weights")
    here.take(there.news())
    assert checkpoint.read_bytes() == b"epoch 2 of it"
    assert (tmp_path / "here/weights/3.ckpt").read_bytes() == b"weights"
    assert [file.name for file in checkpoint.parent.iterdir()] == ["last.ckpt"]

    (tmp_path / "there/checkpoints/3/last.ckpt").unlink()
    here.take(there.news())
    assert not checkpoint.exists()


def test_a_call_names_the_files_of_the_machine_that_it_is_on(tmp_path: Path):
    here, there = two_machines(tmp_path, "checkpoints/3", "weights/3.ckpt")
    job = Job(
        number=3,
        architecture=load_architecture("lmanet_core"),
        seed=0,
        folder=tmp_path / "here/checkpoints/3",
        parent=Path("elsewhere.ckpt"),
    )
    sent = unpack(pack(job, None, here), None, there)
    assert sent == job.model_copy(update={"folder": tmp_path / "there/checkpoints/3"})


def test_data_that_a_worker_has_are_not_sent_again():
    ours, theirs = {"images": "x" * 10_000}, {"images": "the same, over there"}
    none = Files.of(())
    packed = pack(("train on", ours), ours, none)
    assert len(packed) < 100
    assert unpack(packed, theirs, none) == ("train on", theirs)
