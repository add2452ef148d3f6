"""docs/architecture.md speaks of the code as it is."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lmanet"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STOPS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", PAGE)))
BESIDE = {"conf", "__pycache__"}  # conf is a link to the folder of that name


@pytest.mark.parametrize(("file", "name"), STOPS)
def test_each_stop_of_a_walk_is_there(file: str, name: str):
    body: list[ast.stmt] = ast.parse((SOURCE / file).read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == part
        ]
        assert found, f"{file} has no {name}"
        body = found[0].body


def test_there_are_three_walks():
    walks = re.findall(r"^## One .*?(?=^## )", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(walks) == 3
    assert all(len(re.findall(r"^\d+\. ", walk, flags=re.MULTILINE)) >= 6 for walk in walks)


def test_the_map_has_every_folder_of_the_package_and_no_other():
    (tree,) = re.findall(r"^src/lmanet/\n(.*?)^tests/", PAGE, flags=re.MULTILINE | re.DOTALL)
    named, above = set(), [""]
    for indent, name in re.findall(r"^( +)(\w+)/ ", tree, flags=re.MULTILINE):
        depth = len(indent) // 2
        above[depth:] = [f"{above[depth - 1]}{name}/"]
        named.add(above[depth])
    packages = {
        f"{path.relative_to(SOURCE).as_posix()}/"
        for path in SOURCE.rglob("*/")
        if path.is_dir() and not BESIDE & set(path.relative_to(SOURCE).parts)
    }
    depth_of_python = {p for p in packages if any((SOURCE / p).glob("*.py"))}
    assert depth_of_python <= named <= packages, (depth_of_python - named, named - packages)


def test_the_map_has_every_file_beside_the_folders():
    named = set(re.findall(r"^  (\w+\.py) ", PAGE, flags=re.MULTILINE))
    assert named == {path.name for path in SOURCE.glob("*.py")} - {"__init__.py"}


def test_every_import_rule_is_explained():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        assert f"| {contract['name']} |" in PAGE
