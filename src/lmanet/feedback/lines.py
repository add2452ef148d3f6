"""Trials as lines of text: networks, failures, false claims, counts, averages, the best so far,
untried values.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean

from lmanet.claims.check import Others, Truth, check_claims
from lmanet.run.quantities import ON_BOARD, computed
from lmanet.run.records import Status, Trial
from lmanet.space import AnyCost, Form, SearchSpace, short_number

MAX_REASON_CHARACTERS = 300
PLACE = re.compile(r" \(conf/[^)]*\)")  # for people: where a limit is set


def network(trial: Trial, space: SearchSpace, form: Form) -> str:
    """A trained network: accuracy, cost, and the JSON that proposes it."""
    assert trial.architecture is not None and trial.score is not None
    cost = trial.verdict.cost if trial.verdict else None
    figures = [f"accuracy {trial.score.val_accuracy:.3f}", *(_costs(cost) if cost else ())]
    if (on_board := trial.value(ON_BOARD)) is not None:
        figures.append(f"{ON_BOARD.name} {on_board:.3g}")
    return f"- {', '.join(figures)}: {space.write_proposal(trial.architecture, form)}"


def failure(trial: Trial) -> str:
    """Why a trial is not eligible, without its network: small models imitate whatever they are
    shown.
    """
    hints = [violation.hint for violation in trial.verdict.violations] if trial.verdict else []
    reason = "; ".join(hints) or trial.error or trial.proposal.error or "no reason recorded"
    return f"- {_word(trial.status)}: {_clipped(PLACE.sub('', reason))}"


def wrong_claims(trials: Sequence[Trial], others: Others) -> Iterator[str]:
    """False claims with the facts, the newest first; each network is told by what it reached."""
    for trial in reversed(trials):
        for checked in check_claims(trial, others):
            if checked.truth is Truth.FALSE:
                yield f'- "{checked.words}", of {_described(trial)}: {_clipped(checked.reason)}'


def counts(statuses: Counter[Status]) -> str:
    """How many trials ended how."""
    ended = ", ".join(
        f"{statuses[status]} {_word(status)}" for status in Status if statuses[status]
    )
    return f"{statuses.total()} networks proposed: {ended}."


def averages(accuracies: Sequence[float], costs: Mapping[str, Sequence[float]]) -> str:
    """Mean accuracy and cost of the networks trained to the end; empty where there is none."""
    if not accuracies:
        return ""
    means = [f"{name} {short_number(fmean(values))}" for name, values in costs.items()]
    return (
        f"Averages of the {len(accuracies)} trained: accuracy {fmean(accuracies):.3f}, "
        f"{', '.join(means)}."
    )


def curve(accuracies: Sequence[float]) -> str:
    """The best accuracy after 1, 2, 4, ... and all trained networks; empty where there is none."""
    number = len(accuracies)
    if not number:
        return ""
    after = sorted({number, *(2**i for i in range(number.bit_length()))})
    best = list(accumulate(accuracies, max))
    return (
        f"Best accuracy after {', '.join(map(str, after))} trained: "
        f"{', '.join(f'{best[each - 1]:.3f}' for each in after)}."
    )


def tries(trial: Trial, space: SearchSpace) -> Sequence[tuple[str, object]]:
    """Choice and value of all that a trial's network tries, trained or not."""
    if isinstance(trial.architecture, space.candidate_type):
        return space.covered(trial.architecture)
    return ()


def untried(used: Collection[tuple[str, object]], space: SearchSpace) -> list[str]:
    """One line for every choice that has values which no network used."""
    return [
        f"- {name}: {', '.join(map(str, missing))}"
        for name, values in space.coverage()
        if (missing := [value for value in values if (name, value) not in used])
    ]


def told(cost: AnyCost) -> dict[str, float]:
    """Name -> value of what a model is told of every network."""
    names = (*cost.told, *(each.name for each in computed() if each.in_feedback))
    known = cost.quantities()
    return {name: known[name] for name in names if name in known}


def _costs(cost: AnyCost) -> list[str]:
    return [f"{name} {short_number(value)}" for name, value in told(cost).items()]


def _described(trial: Trial) -> str:
    """``the network with accuracy 0.512, macs 3.2M``: the list of networks has the same figures."""
    figures = [f"accuracy {trial.score.val_accuracy:.3f}"] if trial.eligible and trial.score else []
    cost = trial.verdict.cost if trial.verdict else None
    figures += _costs(cost)[:1] if cost else []
    which = "the" if trial.eligible else f"a {_word(trial.status)}"
    return f"{which} network" + (f" with {', '.join(figures)}" if figures else "")


def _word(status: Status) -> str:
    return status.value.replace("_", " ")


def _clipped(reason: str) -> str:
    return " ".join(reason.split())[:MAX_REASON_CHARACTERS]
