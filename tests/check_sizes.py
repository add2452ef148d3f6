"""Fails where a file of the package is longer than 300 lines or a function longer than 40. Run by
`make check`.
"""

import ast
import sys
from pathlib import Path

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40


def main() -> int:
    root = Path(__file__).parents[1]
    faults = []
    for path in [root / "run.py", *sorted((root / "src").rglob("*.py"))]:
        source = path.read_text(encoding="utf-8")
        if (lines := source.count("\n")) > MAX_FILE_LINES:
            faults.append(f"{path.relative_to(root)}: {lines} lines, at most {MAX_FILE_LINES}")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    faults.append(
                        f"{path.relative_to(root)}:{node.lineno} {node.name}: {length} lines, "
                        f"at most {MAX_FUNCTION_LINES}"
                    )
    print("\n".join(faults) or "sizes: ok")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
