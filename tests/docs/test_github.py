"""Workflows, templates and the citation are what their schemas ask for."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = yaml.safe_load((GITHUB / "workflows" / "test.yml").read_text(encoding="utf-8"))
SCHEMAS = {
    "vendor.github-workflows": sorted((GITHUB / "workflows").glob("*.yml")),
    "vendor.github-issue-forms": sorted(
        path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
    ),
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_each_file_keeps_its_schema(schema: str) -> None:
    files = list(map(str, SCHEMAS[schema]))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_tries_every_python_that_the_package_allows() -> None:
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    tried = WORKFLOW["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert tried == ["3.11", "3.12", "3.13"]


def test_the_workflow_names_extras_that_are_there() -> None:
    named = set(WORKFLOW["env"]["EXTRAS"].split(","))
    assert named <= set(PROJECT["optional-dependencies"])
    assert named | {"all", "audit"} == set(PROJECT["optional-dependencies"])


def test_the_citation_has_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert f"\n## {PROJECT['version']} - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
