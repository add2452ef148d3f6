"""Steer: the model sets the sampler, not the network. It chooses one of the arms, and sees what
each has brought.
"""

from dataclasses import dataclass
from statistics import fmean
from string import ascii_uppercase

from lmanet.base import AtLeast1
from lmanet.errors import ConfigError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.arms import ARMS, brought, current_arm, drawn_by
from lmanet.propose.roles.options import options_schema, read_options
from lmanet.propose.roles.scoring import Letters
from lmanet.propose.roles.task import Choice, Round, Task

READ = ("spoken", "logprobs")


@dataclass(frozen=True)
class Steer:
    """Lets the model choose how the next networks are drawn.

    Attributes:
        every: proposals for which a choice holds; the others cost no tokens.
        read: ``spoken``, or ``logprobs`` of the arms' letters, without the bias for a letter.
    """

    every: AtLeast1 = 3
    read: str = "spoken"

    def __post_init__(self) -> None:
        if self.read not in READ or self.every < 1:
            raise ConfigError(
                f"propose.team.steer: read={self.read} must be one of {', '.join(READ)} and "
                f"every={self.every} at least 1"
            )

    def task(self, given: Round) -> Task | None:
        if arm := current_arm(given, self.every):
            drawn = drawn_by(arm, given)
            return Task("", "", {}, lambda _: drawn, settled=drawn) if drawn else None
        offered = {
            letter: drawn
            for letter, arm in zip(ascii_uppercase, ARMS, strict=False)
            if (drawn := drawn_by(arm, given))
        }
        if not offered:
            return None
        letters = dict(zip(ascii_uppercase, offered.values(), strict=False))
        first = {letter: drawn[0] for letter, drawn in letters.items()}
        lines = [f"{letter}: {_line(given, choice)}" for letter, choice in first.items()]
        whole = {id(choice): letters[letter] for letter, choice in first.items()}
        scoring = None
        if self.read == "logprobs" and len(first) > 1:
            way = Letters(rotations=1, calibrated=True, template="steer_letter")
            scoring = way.scoring(given, list(first.values()), lambda each: _line(given, each))
            scoring = scoring.expanded(lambda choice: whole[id(choice)])
        return Task(
            text=render("steer", arms="\n".join(lines)),
            answer='{"order": ["..."]}',
            schema=options_schema("order", list(letters), 1),
            read=lambda reply: letters[read_options(reply, list(letters), 1)[0]],
            scoring=scoring,
        )


def _line(given: Round, choice: Choice) -> str:
    arm = choice.arm or ""
    if not (found := brought(given)[arm]):
        return f"{arm} (not tried yet)"
    return (
        f"{arm} (tried {len(found)} times, better than {fmean(found):.0%} of the networks before, "
        f"at best than {max(found):.0%})"
    )
