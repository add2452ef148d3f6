"""Choices that are read from the probabilities of one token a prompt, in place of a spoken reply:
letters, pairs of letters, and digits that stand for a rank.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from string import ascii_uppercase, digits

import numpy as np

from lmanet.errors import ArchitectureError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.task import Choice, Logprobs, Round, Scoring
from lmanet.run.records import Trial
from lmanet.space import AnyArchitecture, estimate_on, short_number

MARKS = str.maketrans("", "", '"{}')  # of JSON
RANK_LETTER = "rank_letter"
NOTHING = "N/A"  # in place of a network, where the bias for a letter is measured
Write = Callable[[Choice], str]
Scores = Callable[[Sequence[Logprobs]], list[float]]


@dataclass(frozen=True)
class Letters:
    """One letter a prompt, over rotations of the list.

    Attributes:
        rotations: of the list, evenly spaced; as many as candidates take out any bias for a place.
        calibrated: take off what the letters get where nothing stands behind them (Zhao et al.
            2021, arXiv:2102.09690); one more prompt.
        template: of the prompt, a file of ``prompts``.
    """

    rotations: int
    calibrated: bool
    template: str = RANK_LETTER

    def scoring(self, given: Round, choices: Sequence[Choice], write: Write) -> Scoring:
        """The prompts and how they are read."""
        number, texts = len(choices), [write(choice) for choice in choices]
        turns = [number * turn // self.rotations for turn in range(min(self.rotations, number))]
        orders = [[(place + turn) % number for place in range(number)] for turn in turns]
        prompts = [self._listed(given, [texts[i] for i in order]) for order in orders]
        if self.calibrated:
            prompts.append(self._listed(given, [NOTHING] * number))
        letters = ascii_uppercase[:number]

        def scores(read: Sequence[Logprobs]) -> list[float]:
            found = [_of_words(each, letters) for each in read]
            bias = found.pop() if self.calibrated else [0.0] * number
            total = np.zeros(number)
            for order, logprobs in zip(orders, found, strict=True):
                total[order] += np.subtract(logprobs, bias)
            return list(map(float, total / len(orders)))

        return Scoring(tuple(prompts), _best_first(choices, scores))

    def _listed(self, given: Round, texts: Sequence[str]) -> str:
        return _listed(given, texts, self.template)


class Pairs:
    """Each candidate against its two neighbours in a ring, both of them listed first once: two
    prompts a candidate, a tournament without a final.
    """

    def scoring(self, given: Round, choices: Sequence[Choice], write: Write) -> Scoring:
        """The prompts and how they are read."""
        number, texts = len(choices), [write(choice) for choice in choices]
        ring = [(place, (place + 1) % number) for place in range(number)] if number > 1 else []
        pairs = [pair for one, other in ring for pair in ((one, other), (other, one))]
        prompts = tuple(_listed(given, [texts[one], texts[other]]) for one, other in pairs)

        def scores(read: Sequence[Logprobs]) -> list[float]:
            total = [0.0] * number
            for (one, other), logprobs in zip(pairs, read, strict=True):
                first, second = _of_words(logprobs, "AB")
                total[one] += first - second
                total[other] += second - first
            return total

        return Scoring(prompts, _best_first(choices, scores))


@dataclass(frozen=True)
class Digits:
    """In-context regression: which digit, as those of trained networks, will a candidate get? One
    prompt a candidate; they differ in their last line alone.

    Attributes:
        examples: trained networks that are shown, at most.
    """

    examples: int

    def scoring(self, given: Round, choices: Sequence[Choice]) -> Scoring:
        """The prompts and how they are read."""
        shown = list(self._shown(given))
        networks = [trial.architecture for trial, _ in shown if trial.architecture]
        write, form = _compact(given, [*networks, *(choice.architecture for choice in choices)])
        examples = [f"{write(net)}: {rank}" for net, (_, rank) in zip(networks, shown, strict=True)]
        prompts = tuple(
            render(
                "rank_digit",
                form=form,
                examples="\n".join(examples),
                candidate=write(choice.architecture),
            )
            for choice in choices
        )

        def scores(read: Sequence[Logprobs]) -> list[float]:
            return [_expected_digit(each) for each in read]

        return Scoring(prompts, _best_first(choices, scores), with_feedback=False)

    def _shown(self, given: Round) -> list[tuple[Trial, int]]:
        """Trials and their digits, evenly spaced over the ranking. They stand in the order in which
        they were proposed, so that the beginning of the prompt stays.
        """
        ranked = [place.trial for place in given.past.ranked()][::-1]
        number = len(ranked)
        step = max(1.0, number / self.examples)
        places = {int(number - 1 - step * i) for i in range(min(self.examples, number))}
        shown = [(ranked[place], 10 * place // number) for place in places]
        return sorted(shown, key=lambda each: each[0].number)


def _compact(
    given: Round, networks: Sequence[AnyArchitecture]
) -> tuple[Callable[[AnyArchitecture], str], str]:
    """How dozens of networks are written in a line each, and what that means: as in a proposal, or
    the values alone where all have the same choices and that is shorter.
    """
    brief = given.brief
    space = brief.space
    names = {tuple(space.write_choices(network)) for network in networks}

    def bare(network: AnyArchitecture) -> str:
        return " ".join(map(str, space.write_choices(network).values()))

    def proposed(network: AnyArchitecture) -> str:
        return space.write_proposal(network, given.form).translate(MARKS)

    def length(form: Callable[[AnyArchitecture], str]) -> int:
        return sum(len(form(network)) for network in networks)

    is_bare = len(names) == 1 and length(bare) < length(proposed)
    form, meaning = (bare, " ".join(*names)) if is_bare else (proposed, "the network")

    def write(network: AnyArchitecture) -> str:
        macs = estimate_on(network, brief.num_classes, brief.platform).quantities().get("macs", 0)
        return f"{form(network)} {short_number(macs)}"

    return write, f"{meaning}, then its multiply-accumulates"


def _listed(given: Round, texts: Sequence[str], template: str = RANK_LETTER) -> str:
    """The question over a list; its answer is one letter."""
    lines = (f"{letter}: {text}" for letter, text in zip(ascii_uppercase, texts, strict=False))
    niche = f" Aim for {given.niche}." if given.niche else ""
    return render(template, candidates="\n".join(lines), niche=niche)


def _of_words(read: Logprobs, words: Sequence[str]) -> list[float]:
    """Of each word; one that is not among the likeliest gets the least that is known.

    Raises:
        ArchitectureError: none of them is.
    """
    if not any(word in read for word in words):
        raise ArchitectureError(f"none of {', '.join(words)} is among the likeliest tokens")
    least = min(read.values())
    return [read.get(word, least) for word in words]


def _expected_digit(read: Logprobs) -> float:
    found = {digit: read[digit] for digit in digits if digit in read}
    if not found:
        raise ArchitectureError("no digit is among the likeliest tokens")
    most = max(found.values())
    weights: Mapping[str, float] = {digit: exp(each - most) for digit, each in found.items()}
    return sum(int(digit) * weight for digit, weight in weights.items()) / sum(weights.values())


def _best_first(
    choices: Sequence[Choice], scores: Scores
) -> Callable[[Sequence[Logprobs]], list[tuple[Choice, float]]]:
    """Of equal scores the earlier choice is first."""

    def read(answers: Sequence[Logprobs]) -> list[tuple[Choice, float]]:
        pairs = zip(choices, scores(answers), strict=True)
        return sorted(pairs, key=lambda pair: -pair[1])

    return read
