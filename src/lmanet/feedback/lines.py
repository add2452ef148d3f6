"""Trials as lines of text: a network with what it reached and costs, a failure with its reason,
counts and averages.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from lmanet.claims.check import Truth, check_claims
from lmanet.run.records import Status, Trial
from lmanet.space import AnyCost, Form, SearchSpace, short_number, write_proposal

MAX_REASON_CHARACTERS = 300


def network(trial: Trial, space: SearchSpace, form: Form) -> str:
    """A trained network: accuracy, cost, and the JSON that proposes it."""
    assert trial.architecture is not None and trial.score is not None
    cost = trial.verdict.cost if trial.verdict else None
    figures = [f"accuracy {trial.score.val_accuracy:.3f}", *(_costs(cost) if cost else ())]
    return f"- {', '.join(figures)}: {write_proposal(space, trial.architecture, form)}"


def failure(trial: Trial) -> str:
    """Why a trial is not eligible, without its network: small models imitate whatever they are
    shown.
    """
    hints = [violation.hint for violation in trial.verdict.violations] if trial.verdict else []
    reason = "; ".join(hints) or trial.error or trial.proposal.error or "no reason recorded"
    one_line = " ".join(reason.split())
    return f"- {trial.status}: {one_line[:MAX_REASON_CHARACTERS]}"


def wrong_claims(trials: Sequence[Trial]) -> Iterator[str]:
    """What was claimed of a network and is false, with the facts, the last first."""
    for trial in reversed(trials):
        for checked in check_claims(trial, trials):
            if checked.truth is Truth.FALSE:
                yield (
                    f"- of network {trial.number} you said: {checked.words}. "
                    f"{checked.reason[:MAX_REASON_CHARACTERS]}"
                )


def counts(trials: Sequence[Trial]) -> str:
    """How many trials ended how."""
    number = Counter(trial.status for trial in trials)
    ended = ", ".join(
        f"{number[status]} {status.value.replace('_', ' ')}" for status in Status if number[status]
    )
    return f"{len(trials)} networks proposed: {ended}."


def averages(trials: Sequence[Trial]) -> str:
    """Mean accuracy and cost of the networks trained to the end; empty where there is none."""
    ended = [trial for trial in trials if trial.status is Status.TRAINED]
    trained = [
        (trial.score, trial.verdict.cost)
        for trial in ended
        if trial.score and trial.verdict and trial.verdict.cost
    ]
    if not trained:
        return ""
    accuracy = fmean(score.val_accuracy for score, _ in trained)
    means = [
        f"{name} {short_number(fmean(getattr(cost, name) for _, cost in trained))}"
        for name in trained[0][1].told
    ]
    return f"Averages of the {len(trained)} trained: accuracy {accuracy:.3f}, {', '.join(means)}."


def _costs(cost: AnyCost) -> list[str]:
    return [f"{name} {short_number(getattr(cost, name))}" for name in cost.told]
