"""Which tests want the marker `slow`, and which no longer need it.

    python -m pytest --durations=0 --durations-min=0 > durations.txt
    python tests/scripts/slow_tests.py durations.txt

Set-up, call and tear-down of a test count together. Measure on an idle machine: a busy one makes
everything slow.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONG_SECONDS = 1.5  # a test that takes longer is slow
SHORT_SECONDS = 0.3  # a marked file whose tests all take less is not
LINE = re.compile(r"^([\d.]+)s (?:setup|call|teardown) +(tests/\S.*)$", flags=re.MULTILINE)


def main() -> None:
    """Print what to mark, what to unmark, and how long the rest takes."""
    seconds: dict[str, float] = defaultdict(float)
    for took, test in LINE.findall(Path(sys.argv[1]).read_text(encoding="utf-8")):
        seconds[test] += float(took)
    marked = _marked()
    for test, took in sorted(seconds.items(), key=lambda pair: -pair[1]):
        if test not in marked and took >= LONG_SECONDS:
            print(f"mark    {took:7.2f} s  {test}")
    files: dict[str, list[float]] = defaultdict(list)
    for test in marked & seconds.keys():
        files[test.partition("::")[0]].append(seconds[test])
    for file, took_each in sorted(files.items()):
        if max(took_each) < SHORT_SECONDS:
            print(f"unmark  {sum(took_each):7.2f} s  {file}")
    rest = sum(took for test, took in seconds.items() if test not in marked)
    print(f"unmarked tests: {rest:.0f} s of {sum(seconds.values()):.0f} s")


def _marked() -> set[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    return {line for line in listed.splitlines() if "::" in line}


if __name__ == "__main__":
    main()
