"""What a start of a run remembers of the machine and the source, in
repositories that truly exist.
"""

import getpass
import platform
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from lmanet.run import provenance as module
from lmanet.run.lines import append_record, read_records
from lmanet.run.provenance import Provenance, provenance

pytestmark = pytest.mark.slow  # starts processes


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit, in place of this one."""
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *command],
            cwd=tmp_path,
            check=True,
        )
    monkeypatch.setattr(module, "SOURCE", tmp_path)
    return tmp_path


def test_it_names_time_stages_machine_and_versions():
    found = provenance(["search", "report"])
    assert datetime.now(UTC) - datetime.fromisoformat(found.started_at) < timedelta(minutes=1)
    assert found.stages == ("search", "report")
    assert int(found.machine["cores"]) >= 1 and found.machine["processor"]
    assert found.versions["python"] == platform.python_version() and found.versions[
        "torch"
    ] == version("torch")


def test_it_names_neither_host_nor_user_nor_folder():
    text = provenance(["search"]).model_dump_json()
    words = text.replace('"', " ").split()
    assert (
        socket.gethostname() not in words
        and getpass.getuser() not in words
        and str(Path.home()) not in words
    )
    assert str(module.SOURCE) not in text


def test_the_commit_is_the_checkouts_and_a_change_is_seen(repository):
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.strip()
    found = provenance([])
    assert (found.commit, found.modified) == (commit, False)
    (repository / "new.py").touch()
    assert provenance([]).modified


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SOURCE", tmp_path)
    assert provenance([]).commit is None and not provenance([]).modified


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance([]).commit is None


def test_each_start_is_a_line(tmp_path):
    for stages in (["search"], ["report"]):
        append_record(tmp_path / "provenance.jsonl", provenance(stages))
    assert [start.stages for start in read_records(tmp_path / "provenance.jsonl", Provenance)] == [
        ("search",),
        ("report",),
    ]
