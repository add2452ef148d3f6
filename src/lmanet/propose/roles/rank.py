"""Rank: order candidates that are all legal and untried; the first of the order are proposed."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from lmanet.base import AtLeast0, AtLeast1
from lmanet.errors import ConfigError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.candidates import draw_candidates
from lmanet.propose.roles.evidence import similar_trained
from lmanet.propose.roles.figures import cost_text
from lmanet.propose.roles.options import options_schema, read_options
from lmanet.propose.roles.scoring import Digits, Letters, Pairs
from lmanet.propose.roles.task import Choice, Round, Scoring, Task
from lmanet.space import estimate_on

LISTED = ("largest_first", "at_random")
FEWEST_EXAMPLES = 4  # trained networks, without which a rank says nothing
READ = ("spoken", "logprobs", "pairs", "digits")


@dataclass
class Rank:
    """Draws candidates and lets the model order them.

    Attributes:
        candidates: drawn for one network wanted.
        explore: share of them that are new draws of the space; the others change one of the
            ``parents``.
        parents: good networks that are changed.
        listed: ``largest_first``, by multiply-accumulates, those of the niche before the others, or
            ``at_random``; small models tend to name the first.
        read: how the model's choice is read. ``spoken`` is a reply in words. The others ask for one
            token a prompt and read its probabilities: ``logprobs`` of the candidates' letters,
            ``pairs`` of two letters, ``digits`` of a candidate's rank among trained networks.
        rotations: of the list, over which ``logprobs`` is averaged.
        calibrated: of ``logprobs``, take off the model's bias for a letter.
        evidence: trained networks that are shown beside each candidate, the most similar ones.
        examples: trained networks that ``digits`` shows, at most.

    Where a run tells the model nothing (``feedback=none``), evidence is left out and ``digits`` is
    spoken.
    """

    candidates: int
    explore: float
    parents: int
    listed: str
    read: str = "spoken"
    rotations: AtLeast1 = 1
    calibrated: bool = False
    evidence: AtLeast0 = 0
    examples: AtLeast1 = 40

    def __post_init__(self) -> None:
        most = len(ascii_uppercase)
        if (
            not 2 <= self.candidates <= most
            or not 0 <= self.explore <= 1
            or min(self.parents, self.rotations, self.examples) < 1
            or self.evidence < 0
        ):
            raise ConfigError(
                f"conf/propose, rank: candidates={self.candidates} must lie between 2 and {most}, "
                f"explore={self.explore} between 0 and 1, parents={self.parents}, "
                f"rotations={self.rotations} and examples={self.examples} be at least 1, "
                f"evidence={self.evidence} at least 0"
            )
        for name, legal in (("listed", LISTED), ("read", READ)):
            if getattr(self, name) not in legal:
                raise ConfigError(
                    f"conf/propose, rank: {name}={getattr(self, name)}; choose one of "
                    f"{', '.join(legal)}"
                )

    def candidates_of(self, given: Round) -> list[Choice]:
        """As they are listed; fewer, or none, where draws run out."""
        number = min(max(self.candidates, given.count), len(ascii_uppercase))
        drawn = draw_candidates(given, number, self.explore, self.parents)
        listed = [drawn[int(i)] for i in given.rng.permutation(len(drawn))]
        if self.listed == "largest_first":
            listed.sort(key=lambda choice: self._size(given, choice))
        return listed

    def _size(self, given: Round, choice: Choice) -> tuple[float, int]:
        """The smaller, the earlier in the list: those of the niche before all others."""
        cost = estimate_on(choice.architecture, given.brief.num_classes, given.brief.platform)
        return given.niche.distance(cost) if given.niche else 0.0, -cost.macs

    def task(self, given: Round) -> Task | None:
        named = dict(zip(ascii_uppercase, self.candidates_of(given), strict=False))
        if not named:
            return None
        lines = [f"{letter}: {self._line(given, choice)}" for letter, choice in named.items()]
        return Task(
            text=render(
                "rank",
                candidates="\n".join(lines),
                niche=f" Aim for {given.niche}." if given.niche else "",
                wanted="the best one"
                if given.count == 1
                else f"the {given.count} best, best first,",
            ),
            answer='{"order": ["..."]}',
            schema=options_schema("order", list(named), given.count),
            read=lambda reply: [
                named[letter] for letter in read_options(reply, list(named), given.count)
            ],
            has_parent=any(choice.parent for choice in named.values()),
            scoring=self.scoring(given, list(named.values())),
        )

    def scoring(self, given: Round, choices: Sequence[Choice]) -> Scoring | None:
        """The choice by probabilities of tokens; None where it is spoken, and where there is
        nothing to choose or to learn from.
        """
        if self.read == "spoken" or len(choices) < 2:
            return None
        if self.read == "digits":
            known = given.past.ranked() if given.request.feedback else ()
            learned = len(known) >= FEWEST_EXAMPLES
            return Digits(self.examples).scoring(given, choices) if learned else None
        way = Pairs() if self.read == "pairs" else Letters(self.rotations, self.calibrated)
        return way.scoring(given, choices, lambda each: self._line(given, each))

    def _line(self, given: Round, choice: Choice) -> str:
        evidence = self.evidence if given.request.feedback else 0
        return (
            f"{given.brief.space.write_proposal(choice.architecture, given.form)} "
            f"({cost_text(choice.architecture, given.brief)})"
            f"{similar_trained(given, choice.architecture, evidence)}"
        )
