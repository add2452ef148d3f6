"""docs/reference/errors.md has an entry for each error class, and quotes what the code says."""

import ast
import re
from pathlib import Path

import pytest

import lmanet
from lmanet import errors
from lmanet.base import classes_below

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
QUOTED = sorted(set(re.findall(r"^\| `([^`\n]+)` \|", PAGE, flags=re.MULTILINE)))
CLASSES = sorted(
    name
    for name, each in vars(errors).items()
    if isinstance(each, type)
    and issubclass(each, lmanet.LmanetError)
    and each is not lmanet.LmanetError
)


def _strings() -> list[str]:
    """Every text in the package, with `...` in place of what differs."""
    found = []
    for path in (ROOT / "src" / "lmanet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    each.value if isinstance(each, ast.Constant) else "..." for each in node.values
                )
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


STRINGS = _strings()


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_class_has_an_entry(name):
    assert f"\n## {name}\n" in PAGE


def test_an_error_class_elsewhere_belongs_to_one_that_has_an_entry():
    general = [each for each in classes_below(lmanet.LmanetError) if len(each.__mro__) == 5]
    others = [each for each in general if each.__module__.startswith("lmanet.")]
    assert {each.__name__ for each in others} <= set(CLASSES)


@pytest.mark.parametrize("quoted", QUOTED)
def test_every_message_of_the_page_is_one_of_the_code(quoted):
    parts = [re.escape(part) for part in quoted.split("...")]
    message = re.compile(".*".join(parts), flags=re.DOTALL)
    assert any(message.search(text) for text in STRINGS), quoted
