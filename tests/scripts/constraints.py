"""Versions with which the tests have passed: of all that lmanet and its extras need, as installed.

python tests/scripts/constraints.py > constraints.txt
"""

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def declared() -> list[Requirement]:
    """What pyproject.toml asks for here, its extras with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    found = map(Requirement, texts)
    return [each for each in found if each.marker is None or each.marker.evaluate()]


def installed() -> dict[str, str]:
    """Name -> version of these, and of all that they need in turn."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    wanted = [(canonicalize_name(each.name), each.extras) for each in declared()]
    while wanted:
        name, extras = wanted.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # an extra that was not installed
        found[name] = Version(package.version).public
        for extra in ("", *extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                needed = map(Requirement, package.requires or ())
                wanted += [
                    (canonicalize_name(each.name), each.extras)
                    for each in needed
                    if each.marker is None or each.marker.evaluate({"extra": extra})
                ]
    return found


if __name__ == "__main__":
    for name, version in sorted(installed().items()):
        print(f"{name}=={version}")
