"""What the source never does, so that no file can make it: run what it reads, or a shell."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
# Call -> the keyword without which it may run what it reads.
NEEDS = {"torch.load": ("weights_only", True), "load_state_dict": ("weights_only", True)}
NEVER = re.compile(
    r"(pickle|joblib|dill|marshal|shelve|cloudpickle)\.loads?|eval|exec|compile|os\.(system|popen)|"
    r"yaml\.(load|unsafe_load|full_load)(_all)?|torch\.hub\.\w+|pd\.read_pickle"
)
# What may be read by pickle all the same, and why.
TRUSTED = {
    # Of a driver to its own jobs, as submitit's files beside it: the folder is made by each start
    # (mkdtemp, for this user alone), named to the job by the driver, and removed with it. One that
    # came with a stranger's run is removed unread: tests/execute/test_submitit.py.
    ("src/lmanet/execute/ticket.py", "pickle.loads")
}


def calls() -> Iterator[tuple[str, str, dict[str, object]]]:
    """Place, dotted name and constant keywords of every call."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                keywords = {
                    each.arg: each.value.value
                    for each in node.keywords
                    if each.arg and isinstance(each.value, ast.Constant)
                }
                yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.func), keywords


def test_nothing_that_is_read_can_run():
    faults, found = [], []
    for place, name, keywords in calls():
        keyword, value = NEEDS.get(name, ("", None))
        if (place.rpartition(":")[0], name) in TRUSTED:
            found.append(name)
        elif (
            NEVER.fullmatch(name)
            or keywords.get("allow_pickle", False)
            or keywords.get("shell", False)
            or (keyword and keywords.get(keyword) is not value)
        ):
            faults.append(f"{place}: {name}")
    assert not faults
    assert len(found) == len(TRUSTED), "each stands in one place alone"


def test_classes_are_made_of_settings_in_one_place_alone():
    assert {place.rpartition(":")[0] for place, name, _ in calls() if name == "instantiate"} == {
        "src/lmanet/app/compose.py"
    }


@pytest.mark.slow  # bandit takes some seconds
@pytest.mark.skipif(not importlib.util.find_spec("bandit"), reason="needs the extra audit")
def test_bandit_finds_nothing():
    command = ["--quiet", "--recursive", "--configfile", "pyproject.toml", "src", "run.py"]
    done = subprocess.run(
        [sys.executable, "-m", "bandit", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines), (
        "a name and a version a line, and no address"
    )
    versions = dict(line.split("==") for line in lines)
    assert list(versions) == sorted(versions)
    return versions


def test_the_constraints_hold_all_that_is_asked_for_and_what_is_asked_admits_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    versions, missing = pinned(), []
    for text in (*project["dependencies"], *extras):
        wanted = Requirement(text)
        version = versions.get(canonicalize_name(wanted.name))
        if version is None:
            missing.append(wanted.name)
        else:
            assert wanted.specifier.contains(version, prereleases=True), text
    assert not missing, "python tests/scripts/constraints.py > constraints.txt"
