"""One hint for the next proposal, by rule."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lmanet.run.records import Status, Trial

SENTENCES = Path(__file__).parent / "templates" / "hints.txt"
RECENT = 10
STALLED = 20


def hint(recent: Sequence[Trial], front: Sequence[Trial], newest: int) -> str:
    """The sentence of the first rule that applies.

    The rules: most of the last 10 failed by one cause; there is no front; the front is 20 trials
    old; otherwise a hint to improve.

    Args:
        recent: the last trials, at most `RECENT`.
        newest: number of a trial.
    """
    return _sentences()[_rule(recent, front, newest)]


def _rule(recent: Sequence[Trial], front: Sequence[Trial], newest: int) -> str:
    faults = Counter(fault for trial in recent for fault in _faults(trial))
    fault, times = max(faults.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    if times * 2 >= len(recent) and fault in _sentences():
        return fault
    if not front:
        return "no_front"
    newest_of_front = max(trial.number for trial in front)
    return "stalled" if newest - newest_of_front >= STALLED else "improve"


def _faults(trial: Trial) -> set[str]:
    if trial.status is Status.UNPARSABLE:
        return {trial.status.value}
    return {violation.rule for violation in trial.verdict.violations} if trial.verdict else set()


@cache
def _sentences() -> dict[str, str]:
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
