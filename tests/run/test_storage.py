"""Storage at a URL: a server of S3's protocol on loopback, and a folder."""

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from lmanet.errors import ConfigError, DiskError, RemoteStorageError
from lmanet.run import lease, mirror
from lmanet.run.lease import LEASE, Lease, Pace, drawn, read_lease
from lmanet.run.mirror import MIRRORED, bring, mirrored
from lmanet.run.storage import Storage

pytestmark = pytest.mark.slow  # starts a server

QUICK = Pace(beat_seconds=0.1, settle_seconds=0.05, push_seconds=0.1)
BUCKET = "runs"
SECRET = "known to nobody"


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A server with one bucket; its keys and its address stand in the environment, as users set
    them.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        S3FileSystem.clear_instance_cache()
        S3FileSystem().mkdir(BUCKET)
        yield
    server.stop()
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(server: None) -> str:
    """URL of an empty place in it."""
    return f"s3://{BUCKET}/{drawn()}"


@pytest.fixture(params=["s3", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place of each kind."""
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/run"
    return f"file://{tmp_path}/storage/run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder."""
    folder = tmp_path / "run"
    (folder / "full").mkdir(parents=True)
    (folder / "history.jsonl").write_text("1\n")
    (folder / "full" / "a.ckpt").write_bytes(b"weights")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What stands in a folder, but for what it knows of its storage."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MIRRORED
    }


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_files_are_written_read_listed_and_removed(url: str, tmp_path: Path):
    storage = Storage(f"{url}/")
    assert storage.names() == [] and storage.read("a.json") is None
    storage.write("a.json", b"1")
    storage.write("a.json", b"2")
    (tmp_path / "weights").write_bytes(bytes(6_000_000))
    storage.put(tmp_path / "weights", "full/x y.ckpt")
    assert storage.names() == ["a.json", "full/x y.ckpt"] and storage.read("a.json") == b"2"
    storage.get("full/x y.ckpt", tmp_path / "back" / "weights")
    assert (tmp_path / "back" / "weights").stat().st_size == 6_000_000
    storage.remove("a.json")
    storage.remove("a.json")
    assert storage.names() == ["full/x y.ckpt"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host/run", "legal are s3://BUCKET/FOLDER and file:///FOLDER"),
        ("simplecache::s3://bucket/run", "legal are s3://"),
        ("s3://", "legal are s3://"),
        ("run", "legal are s3://"),
        ("s3:/bucket/run", "legal are s3://"),
        ("s3://key:secret@bucket/run", "set keys in the environment"),
        ("s3://bucket/run?X-Amz-Signature=secret", "set keys in the environment"),
        ("file:///a/../b", r"without \.\."),
    ],
)
def test_another_url_is_refused_and_no_key_is_repeated(url: str, said: str):
    with pytest.raises(ConfigError, match=said) as raised:
        Storage(url)
    assert "secret" not in str(raised.value)


def test_a_place_that_is_not_there_is_said_in_one_sentence(bucket: str):
    with pytest.raises(RemoteStorageError, match=r"^s3://nobodys/run cannot be listed \(.*bucket"):
        Storage("s3://nobodys/run").names()


def test_a_name_that_leads_out_of_the_folder_is_refused(bucket: str, tmp_path: Path):
    S3FileSystem().pipe_file(f"{bucket}/run/../../planted", b"")
    Storage(f"{bucket}/run").write(LEASE, Lease(run="a", driver="b").model_dump_json().encode())
    with pytest.raises(RemoteStorageError, match="outside of the run's folder"):
        bring(f"{bucket}/run", tmp_path / "here" / "run")
    assert not list((tmp_path / "here").iterdir()), "and nothing is left of the attempt"


def test_what_changes_in_a_run_is_sent_while_it_goes_on(url: str, folder: Path):
    storage = Storage(url)
    with mirrored(folder, url, QUICK):
        wait_until(lambda: storage.read("history.jsonl") == b"1\n")
        with (folder / "history.jsonl").open("a") as history:
            history.write("2\n")
        (folder / "full" / "a.ckpt").unlink()
        (folder / "full" / "b.ckpt.partial").touch()
        wait_until(lambda: storage.read("history.jsonl") == b"1\n2\n")
        wait_until(lambda: "full/a.ckpt" not in storage.names())
        (folder / "report.html").write_text("done")
    assert storage.names() == ["history.jsonl", LEASE, "report.html"]


def test_a_run_is_brought_to_another_machine_and_goes_on_there(
    url: str, folder: Path, tmp_path: Path
):
    with mirrored(folder, url, QUICK):
        pass
    there = bring(url, tmp_path / "there" / "run", QUICK)
    assert files(there) == files(folder)
    assert bring(url, there, QUICK) == there, "which has all of it already"
    with mirrored(there, url, QUICK):
        (there / "history.jsonl").write_text("1\n2\n")
    with (
        pytest.raises(ConfigError, match=r"gone on elsewhere since .*run was written; .*resume="),
        mirrored(folder, url, QUICK),
    ):
        pass
    assert Storage(url).read("history.jsonl") == b"1\n2\n", "older files replace no newer ones"
    back = bring(url, folder, QUICK)
    assert back == folder.with_name("run_2") and files(back) == files(there)


def test_of_files_that_did_not_change_none_is_sent_again(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    with mirrored(folder, url, QUICK):
        pass
    sent: list[str] = []
    put = Storage.put
    monkeypatch.setattr(
        Storage, "put", lambda self, path, name: (sent.append(name), put(self, path, name))
    )
    (folder / "student.ckpt").write_bytes(b"new")
    with mirrored(folder, url, QUICK):
        pass
    assert sent == ["student.ckpt"]


def test_a_record_is_sent_after_the_files_that_it_names(
    bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whatever a run writes while its files are sent: one lost in the middle names none that is not
    there.
    """
    url = f"{bucket}/run"
    put = Storage.put

    def grow(storage: Storage, path: Path, name: str) -> None:
        number = len((folder / "full.jsonl").read_text().splitlines())
        if number < 5:
            (folder / "full" / f"{number}.ckpt").touch()
            with (folder / "full.jsonl").open("a") as lines:
                lines.write(f"{number}\n")
        put(storage, path, name)
        there = Storage(url)
        named = (there.read("full.jsonl") or b"").decode().split()
        assert {f"full/{each}.ckpt" for each in named} <= {*there.names()}

    (folder / "full.jsonl").touch()
    monkeypatch.setattr(Storage, "put", grow)
    with mirrored(folder, url, QUICK):
        wait_until(lambda: Storage(url).read("full.jsonl") == b"0\n1\n2\n3\n4\n")


def test_a_second_driver_is_refused(url: str, folder: Path, tmp_path: Path):
    with mirrored(folder, url, QUICK):
        with pytest.raises(ConfigError, match=r"another run\.py works on .* 180 s without a sign"):
            bring(url, tmp_path / "there" / "run", QUICK)
        assert not (tmp_path / "there").exists()


def test_the_place_of_another_run_or_of_other_files_is_refused(
    url: str, folder: Path, tmp_path: Path
):
    Storage(url).write("thesis.tex", b"")
    with (
        pytest.raises(ConfigError, match="holds files that are no run's"),
        mirrored(folder, url, QUICK),
    ):
        pass
    Storage(url).remove("thesis.tex")
    with mirrored(folder, url, QUICK):
        pass
    (other := tmp_path / "other").mkdir()
    with (
        pytest.raises(ConfigError, match=r"holds another run; .* by resume="),
        mirrored(other, url, QUICK),
    ):
        pass
    with pytest.raises(ConfigError, match="no run there"):
        bring(f"{url}/nothing", tmp_path / "nothing")


def test_a_start_without_a_result_takes_no_place(url: str, tmp_path: Path):
    (nothing := tmp_path / "nothing").mkdir()
    (nothing / "run.log").write_text("refused")
    with mirrored(nothing, url, QUICK):
        pass
    shutil.rmtree(nothing)
    (other := tmp_path / "other").mkdir()
    (other / "history.jsonl").write_text("1\n")
    with mirrored(other, url, QUICK):
        pass
    assert Storage(url).names() == ["history.jsonl", LEASE]


def test_the_driver_that_was_killed_goes_on_at_once_in_its_own_folder(url: str, folder: Path):
    with mirrored(folder, url, QUICK):
        held = read_lease(Storage(url))
        assert held and held.beat
    Storage(url).write(LEASE, held.model_dump_json().encode())  # as a kill leaves it
    known = mirror._known(folder, Storage(url))
    assert known and known.drivers == (held.driver,)
    with mirrored(folder, url, QUICK):
        now = read_lease(Storage(url))
        assert now and now.run == held.run and now.driver != held.driver


def test_a_kill_between_the_two_writes_of_a_start_shuts_nobody_out(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    with mirrored(folder, url, QUICK):
        pass

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mirror, "Held", killed)
        with pytest.raises(KeyboardInterrupt), mirrored(folder, url, QUICK):
            pass
    with monkeypatch.context() as patch:
        patch.setattr(lease.Held, "require", killed)
        with pytest.raises(KeyboardInterrupt), mirrored(folder, url, QUICK):
            pass
    with mirrored(folder, url, QUICK):
        pass


def test_a_driver_that_is_dead_is_taken_over_and_one_whose_clock_is_late_is_not(
    url: str, folder: Path, tmp_path: Path
):
    with mirrored(folder, url, QUICK):
        pass
    storage = Storage(url)
    old = Lease(run=read_lease(storage).run, driver="d", beat=time.time() - 200)
    storage.write(LEASE, old.model_dump_json().encode())
    end = threading.Event()

    def beat() -> None:
        while not end.wait(0.05):
            later = old.model_copy(update={"beat": time.time() - 200})
            storage.write(LEASE, later.model_dump_json().encode())

    late = threading.Thread(target=beat)
    late.start()
    with pytest.raises(ConfigError, match="another run"):
        bring(url, tmp_path / "there" / "run", QUICK)
    end.set()
    late.join()
    there = bring(url, tmp_path / "there" / "run", QUICK)
    with mirrored(there, url, QUICK):
        pass


def test_a_driver_whose_clock_was_ahead_is_taken_over_once_it_is_dead(
    url: str, folder: Path, tmp_path: Path
):
    with mirrored(folder, url, QUICK):
        pass
    storage = Storage(url)
    ahead = Lease(run=read_lease(storage).run, driver="d", beat=time.time() + 1e6)
    storage.write(LEASE, ahead.model_dump_json().encode())
    there = bring(url, tmp_path / "there" / "run", QUICK)
    assert files(there) == files(folder)


def test_a_folder_that_is_lost_takes_nothing_from_its_storage(
    url: str, folder: Path, tmp_path: Path
):
    """As a disk does that goes while the run is on it: the storage has the only files then."""
    storage = Storage(url)
    with (
        pytest.raises(DiskError, match=r"run is gone, .* nothing is removed there; .*resume="),
        mirrored(folder, url, QUICK) as mirror,
    ):
        mirror.push()
        kept = storage.names()
        folder.rename(tmp_path / "lost")
        folder.mkdir()  # the place where the disk was
        with pytest.raises(DiskError, match="is gone"):
            mirror.try_push()
    assert storage.names() == kept and {"history.jsonl", "full/a.ckpt"} <= {*kept}


def test_of_two_that_write_a_file_at_once_neither_takes_the_others(url: str):
    both = [Storage(url), Storage(url)]
    begin = threading.Barrier(2)
    failed: list[Exception] = []

    def write(storage: Storage, content: bytes) -> None:
        begin.wait()
        try:
            for _ in range(50):
                storage.write(LEASE, content)
        except RemoteStorageError as error:
            failed.append(error)

    contents = (b"one" * 999, b"another" * 999)
    threads = [
        threading.Thread(target=write, args=each) for each in zip(both, contents, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Storage(url).read(LEASE) in contents
    assert Storage(url).names() == [LEASE]


def test_what_a_killed_driver_has_half_written_is_no_file_of_the_storage(tmp_path: Path):
    storage = Storage(f"file://{tmp_path}/run")
    storage.write(LEASE, b"{}")
    (tmp_path / "run" / "history.jsonl.5eed.partial").write_text("half")
    assert storage.names() == [LEASE]


def test_of_two_that_take_a_run_over_at_once_one_is_refused(url: str, folder: Path, tmp_path: Path):
    with mirrored(folder, url, QUICK):
        pass
    both = [bring(url, tmp_path / name / "run", QUICK) for name in ("one", "two")]
    begin = threading.Barrier(2)
    ends: list[str] = []

    def drive(there: Path) -> None:
        begin.wait()
        try:
            with mirrored(there, url, Pace(0.3, 3.0, 0.5)):
                ends.append("drives")
                time.sleep(0.5)
        except (ConfigError, RemoteStorageError):
            ends.append("refused")

    threads = [threading.Thread(target=drive, args=(there,)) for there in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["drives", "refused"]


def test_a_driver_that_was_taken_over_writes_nothing_more_and_ends(url: str, folder: Path):
    storage = Storage(url)
    with (
        pytest.raises(RemoteStorageError, match=r"another run\.py has taken"),
        mirrored(folder, url, QUICK) as own,
    ):
        wait_until(lambda: storage.read("history.jsonl"))
        taken = Lease(run=read_lease(storage).run, driver="another", beat=time.time())
        guard = mirror.Guard(own)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            storage.write(LEASE, taken.model_dump_json().encode())  # the other's signs of life
            (folder / "history.jsonl").write_text("1\nlate\n")
            guard.on_trial_end(None)  # as the search calls it
            time.sleep(0.02)
    assert b"late" not in (storage.read("history.jsonl") or b"")
    assert read_lease(storage) == taken


def unplug(disk: Path) -> Path:
    """Take a folder away, and let none be made in its place; returns where it is."""
    disk.rename(away := disk.with_name("unplugged"))
    while not disk.is_file():
        try:
            disk.touch(exist_ok=False)
        except FileExistsError:  # a file was just being written there
            shutil.rmtree(disk)
    return away


def test_a_run_goes_on_where_its_storage_is_away_for_a_while(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    place = tmp_path / "disk" / "run"
    with mirrored(folder, f"file://{place}", QUICK):
        wait_until(lambda: (place / "history.jsonl").exists())
        away = unplug(tmp_path / "disk")
        (folder / "history.jsonl").write_text("1\n2\n")
        wait_until(lambda: "what it finds is in its folder" in caplog.text)
        (tmp_path / "disk").unlink()
        away.rename(tmp_path / "disk")
        wait_until(lambda: (place / "history.jsonl").read_text() == "1\n2\n")
    assert len(re.findall("what it finds is in its folder", caplog.text)) == 1


def test_a_place_that_is_empty_all_at_once_is_not_written_again(folder: Path, tmp_path: Path):
    """Such as the folder of a disk that is not mounted any more."""
    place = tmp_path / "disk" / "run"
    with mirrored(folder, f"file://{place}", QUICK):
        wait_until(lambda: (place / "history.jsonl").exists())
        away = place.rename(tmp_path / "unplugged")
        time.sleep(0.5)
        (folder / "history.jsonl").write_text("1\n2\n")
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.5)
        assert not place.exists()
        away.rename(place)
    assert (place / "history.jsonl").read_text() == "1\n2\n"


def test_a_run_whose_storage_lacks_something_does_not_end_well(folder: Path, tmp_path: Path):
    place = tmp_path / "disk" / "run"
    with (
        pytest.raises(RemoteStorageError, match=r"cannot be (written|read)"),
        mirrored(folder, f"file://{place}", QUICK),
    ):
        wait_until(lambda: (place / "history.jsonl").exists())
        unplug(tmp_path / "disk")


def test_an_error_of_the_run_is_not_hidden_by_one_of_its_storage(folder: Path, tmp_path: Path):
    place = tmp_path / "disk" / "run"
    with pytest.raises(KeyboardInterrupt), mirrored(folder, f"file://{place}", QUICK):
        unplug(tmp_path / "disk")
        raise KeyboardInterrupt


def test_a_folder_is_not_mirrored_into_itself(folder: Path):
    with pytest.raises(ConfigError, match="own folder"), mirrored(folder, f"file://{folder}"):
        pass


def test_no_key_stands_in_a_run_or_in_its_storage(bucket: str, folder: Path, tmp_path: Path):
    with mirrored(folder, f"{bucket}/run", QUICK):
        pass
    there = bring(f"{bucket}/run", tmp_path / "there" / "run", QUICK)
    paths = [path for path in (*folder.rglob("*"), *there.rglob("*")) if path.is_file()]
    assert paths and not any(SECRET.encode() in path.read_bytes() for path in paths)
