"""`check_sizes.py` names each kind of fault, and nothing else."""

from pathlib import Path
from runpy import run_path

import pytest

faults = run_path(str(Path(__file__).with_name("check_sizes.py")))["faults"]
LINE = "a = 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "small_files.yaml").touch()
    return tmp_path


def found(project: Path) -> list[str]:
    return list(faults(project))


def test_docstrings_do_not_count(project: Path):
    words = '"""One.\n' + "word\n" * 100 + '"""\n'
    inner = "".join(f"    {line}\n" for line in words.splitlines())
    file = project / "src" / "a.py"
    file.write_text(words + LINE * 259 + "def f():\n" + inner + "    a = 1\n" * 39)
    assert not found(project)
    file.write_text(words + LINE * 260 + "def f():\n" + inner + "    a = 1\n" * 40)
    assert found(project) == [
        "src/a.py: 301 lines, at most 300; divide it",
        "src/a.py:363 f: 41 lines, at most 40; divide it",
    ]


def test_a_short_file_needs_a_reason_and_a_reason_needs_its_file(project: Path):
    (project / "src" / "a.py").write_text(LINE * 39)
    (project / "src" / "__init__.py").touch()
    assert [text.partition(":")[0] for text in found(project)] == ["src/a.py"]
    reasons = project / "tests" / "small_files.yaml"
    reasons.write_text("src/a.py: it is the only one that knows X\n")
    assert not found(project)
    (project / "src" / "a.py").write_text(LINE * 40)
    assert found(project) == [
        "tests/small_files.yaml: src/a.py is no short file of src; take the entry out"
    ]


def test_two_files_may_share_a_name_and_three_may_not(project: Path):
    for folder in ("x", "y"):
        (project / "src" / folder).mkdir()
        (project / "src" / folder / "a.py").write_text(LINE * 40)
    assert not found(project)
    (project / "src" / "a.py").write_text(LINE * 40)
    assert found(project) == ["a.py: 3 files have this name, at most 2 may; rename one"]
