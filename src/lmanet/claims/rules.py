"""A design rule that a model states -> the trained networks that support or contradict it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from lmanet.claims.check import Truth
from lmanet.run.records import Status, Trial
from lmanet.run.results import Rule
from lmanet.space import SearchSpace

FEWEST = 2  # networks on either side, below which nothing is said


class WeighedRule(NamedTuple):
    """A rule held against the history.

    Attributes:
        words: the rule as a sentence.
        truth: whether the difference of the means has the sign that the rule says.
        difference: mean accuracy of the networks with the value less that of those in which the
            choice has another; None where either side has fewer than two.
        others: how many these are.
        supporting, opposing: numbers of the trials with that value that lie on the side of the
            others' mean that the rule says, and on the other side.
        pairs_for, pairs_against: pairs of networks that differ in this choice alone.
    """

    rule: Rule
    words: str
    truth: Truth
    difference: float | None
    others: int
    supporting: tuple[int, ...]
    opposing: tuple[int, ...]
    pairs_for: int
    pairs_against: int


class _Known(NamedTuple):
    number: int
    choices: Mapping[str, object]
    accuracy: float


def weigh(rule: Rule, trials: Sequence[Trial], space: SearchSpace) -> WeighedRule:
    """As `weigh_all`, of one rule."""
    return weigh_all([rule], trials, space)[0]


def weigh_all(
    rules: Sequence[Rule], trials: Sequence[Trial], space: SearchSpace
) -> list[WeighedRule]:
    """Count the networks for and against each rule, among those in which its choice is active."""
    known = _known(trials, space)
    return [_weigh(rule, [each for each in known if rule.choice in each.choices]) for rule in rules]


def _weigh(rule: Rule, known: Sequence[_Known]) -> WeighedRule:
    having: list[_Known] = []
    others: list[_Known] = []
    for found in known:
        has = _equal(found.choices[rule.choice], rule.value)
        (having if has else others).append(found)
    sign = 1 if rule.effect == "raises" else -1
    told = len(having) >= FEWEST and len(others) >= FEWEST
    reference = fmean(found.accuracy for found in others) if others else 0.0
    difference = fmean(found.accuracy for found in having) - reference if told else None
    gains = [sign * (one.accuracy - other.accuracy) for one, other in _pairs(rule, having, others)]
    return WeighedRule(
        rule,
        f"{rule.choice}={_word(rule.value)} {rule.effect} the accuracy",
        Truth.UNKNOWN
        if difference is None
        else Truth.TRUE
        if sign * difference > 0
        else Truth.FALSE,
        difference,
        len(others),
        supporting=tuple(
            found.number for found in having if others and sign * (found.accuracy - reference) > 0
        ),
        opposing=tuple(
            found.number for found in having if others and sign * (found.accuracy - reference) < 0
        ),
        pairs_for=sum(gain > 0 for gain in gains),
        pairs_against=sum(gain < 0 for gain in gains),
    )


def varied(trials: Sequence[Trial], space: SearchSpace) -> dict[str, list[object]]:
    """Choice -> its values among the trained networks, in rising order. A value counts if at least
    two networks have it and two do not.
    """
    values: dict[str, list[object]] = {}
    for found in _known(trials, space):
        for name, value in found.choices.items():
            values.setdefault(name, []).append(value)
    worth = {
        name: sorted(
            {v for v in seen if seen.count(v) >= FEWEST and len(seen) - seen.count(v) >= FEWEST},
            key=_order,
        )
        for name, seen in values.items()
    }
    return {name: found for name, found in worth.items() if found}


def _known(trials: Sequence[Trial], space: SearchSpace) -> list[_Known]:
    return [
        _Known(trial.number, space.write_choices(trial.architecture), trial.score.val_accuracy)
        for trial in trials
        if trial.status is Status.TRAINED
        and trial.score
        and trial.architecture
        and space.contains(trial.architecture)
    ]


def _pairs(
    rule: Rule, having: Sequence[_Known], others: Sequence[_Known]
) -> list[tuple[_Known, _Known]]:
    """Pairs of a network with the value and one without it, all else equal."""

    def rest(found: _Known) -> frozenset[tuple[str, object]]:
        return frozenset(pair for pair in found.choices.items() if pair[0] != rule.choice)

    without: defaultdict[frozenset[tuple[str, object]], list[_Known]] = defaultdict(list)
    for other in others:
        without[rest(other)].append(other)
    return [(one, other) for one in having for other in without.get(rest(one), ())]


def _order(value: object) -> tuple[float, str]:
    """Numbers by size, words by the alphabet."""
    return (value if isinstance(value, int | float) else 0.0, str(value))


def _equal(value: object, named: object) -> bool:
    """As JSON knows values: true is not 1."""
    return isinstance(value, bool) == isinstance(named, bool) and value == named


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
