"""Fails where the package has files or functions that are too long, too short, or share a name.

Run by `make check`. Docstrings do not count towards a file's or a function's length. ruff holds the
length of lines.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MIN_FILE_LINES = 40  # with docstrings; a shorter file is usually half of its neighbour
MAX_SAME_NAME = 2
REASONS = "tests/small_files.yaml"
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


def faults(root: Path) -> Iterator[str]:
    """What is wrong with the sizes of the project at ``root``, one sentence each."""
    paths = sorted((root / "src").rglob("*.py"))
    for path in paths:
        yield from _too_long(path, path.relative_to(root))
    yield from _too_short(root, paths)
    for name, count in Counter(path.name for path in paths).items():
        if count > MAX_SAME_NAME and name != "__init__.py":
            yield f"{name}: {count} files have this name, at most {MAX_SAME_NAME} may; rename one"


def _too_long(path: Path, shown: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = len(source.splitlines()) - _docstring_lines(tree)
    if lines > MAX_FILE_LINES:
        yield f"{shown}: {lines} lines, at most {MAX_FILE_LINES}; divide it"
    for node in ast.walk(tree):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if lines > MAX_FUNCTION_LINES:
                where = f"{shown}:{node.lineno} {node.name}"
                yield f"{where}: {lines} lines, at most {MAX_FUNCTION_LINES}; divide it"


def _docstring_lines(tree: ast.AST) -> int:
    """Lines of all docstrings in a piece of code, its own with them."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            count += (text.end_lineno or text.lineno) - text.lineno + 1
    return count


def _too_short(root: Path, paths: list[Path]) -> Iterator[str]:
    """A package's `__init__` is its door, and may be of any size."""
    reasons = yaml.safe_load((root / REASONS).read_text(encoding="utf-8")) or {}
    short = {
        path.relative_to(root).as_posix()
        for path in paths
        if path.name != "__init__.py"
        and len(path.read_text(encoding="utf-8").splitlines()) < MIN_FILE_LINES
    }
    for name in sorted(short - {name for name, reason in reasons.items() if reason}):
        yield (
            f"{name}: less than {MIN_FILE_LINES} lines and no reason; join it to its neighbour, or "
            f"give the reason in {REASONS}"
        )
    for name in sorted(set(reasons) - short):
        yield f"{REASONS}: {name} is no short file of src; take the entry out"


def main() -> int:
    """Print the faults; the exit status says whether there are any."""
    found = list(faults(Path(__file__).parents[1]))
    print("\n".join(found) or "sizes: ok")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
