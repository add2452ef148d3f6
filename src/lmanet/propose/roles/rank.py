"""Rank: order candidates that are all legal and untried; the first of the order are proposed."""

from string import ascii_uppercase

from lmanet.errors import ConfigError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.candidates import draw_candidates
from lmanet.propose.roles.figures import cost_text
from lmanet.propose.roles.options import options_schema, read_options
from lmanet.propose.roles.task import Choice, Round, Task
from lmanet.space import estimate_on

LISTED = ("largest_first", "at_random")


class Rank:
    """Draws candidates and lets the model order them.

    Args:
        candidates: drawn for one network wanted.
        listed: ``largest_first``, by multiply-accumulates, those of the niche before the others, or
            ``at_random``; small models tend to name the first.
        explore: share of them that are new draws of the space; the others change one of the
            ``parents``.
        parents: good networks that are changed.
    """

    def __init__(self, candidates: int, explore: float, parents: int, listed: str) -> None:
        if not 2 <= candidates <= len(ascii_uppercase) or not 0 <= explore <= 1 or parents < 1:
            raise ConfigError(
                f"conf/propose, rank: candidates={candidates} must lie between 2 and "
                f"{len(ascii_uppercase)}, explore={explore} between 0 and 1, parents={parents} be "
                "at least 1"
            )
        if listed not in LISTED:
            raise ConfigError(
                f"conf/propose, rank: listed={listed}; choose one of {', '.join(LISTED)}"
            )
        self.listed = listed
        self.candidates = candidates
        self.explore = explore
        self.parents = parents

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
        )

    def _line(self, given: Round, choice: Choice) -> str:
        return (
            f"{given.brief.space.write_proposal(choice.architecture, given.form)} "
            f"({cost_text(choice.architecture, given.brief)})"
        )
