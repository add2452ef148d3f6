"""The ledger: what proposals cost and came to, by role and by how the trials ended; and what the
search answered to a stalled front.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lmanet.run.records import Status, Trial, Usage


class LedgerRow(NamedTuple):
    """A group of trials.

    Attributes:
        valid: replies in which a network of the space was found.
        useful: of them, networks that were new and within the limits.
        stale: proposals that could not know how some earlier trial ended.
        epochs: trained, as far as curves say.
        best_accuracy: on validation images; None where none was trained.
    """

    name: str
    trials: int
    valid: int
    useful: int
    stale: int
    epochs: int
    best_accuracy: float | None
    usage: Usage


def by_status(trials: Iterable[Trial]) -> list[LedgerRow]:
    """One row a status, then ``all``."""
    everything = list(trials)
    return [
        *_rows(everything, lambda trial: trial.status.value.replace("_", " ")),
        _row("all", everything),
    ]


def by_role(trials: Iterable[Trial]) -> list[LedgerRow]:
    """One row a role of the model; none where no model proposed."""
    return _rows(
        (trial for trial in trials if trial.proposal.role), lambda trial: str(trial.proposal.role)
    )


def answers_to_stalls(trials: Iterable[Trial]) -> list[Trial]:
    """The first proposal of each answer to a front that did not change."""
    ordered = sorted(trials, key=lambda trial: trial.number)
    stalled = [trial.proposal.stalled_for is not None for trial in ordered]
    return [
        trial
        for trial, now, before in zip(ordered, stalled, [False, *stalled], strict=False)
        if now and not before
    ]


def _rows(trials: Iterable[Trial], name: Callable[[Trial], str]) -> list[LedgerRow]:
    groups: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[name(trial)].append(trial)
    return [_row(each, members) for each, members in groups.items()]


def _row(name: str, trials: list[Trial]) -> LedgerRow:
    return LedgerRow(
        name=name,
        trials=len(trials),
        valid=sum(trial.status is not Status.UNPARSABLE for trial in trials),
        useful=sum(trial.verdict is not None and trial.verdict.feasible for trial in trials),
        stale=sum(trial.unseen_trials > 0 for trial in trials),
        epochs=sum(trial.epochs for trial in trials),
        best_accuracy=max(
            (trial.score.val_accuracy for trial in trials if trial.score and trial.eligible),
            default=None,
        ),
        usage=Usage.total(trial.proposal.usage for trial in trials),
    )
