"""What a role is given, and what it asks of the model."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np

from lmanet.claims.kinds import Rationale
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import Reply
from lmanet.propose.roles.niches import Niche
from lmanet.propose.roles.past import Past
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Trial
from lmanet.space import AnyArchitecture, Form


@dataclass(frozen=True)
class Round:
    """One request to the model.

    Attributes:
        count: networks wanted.
        known: ids of all networks that were proposed.
        niche: the band of cost that is wanted; None is any.
        rng: of this request.
        past: the trials that have ended.
        form: in which networks are written.
        example: the network that the opening shows, to begin with.
    """

    brief: Brief
    request: Request
    count: int
    known: Collection[str]
    niche: Niche | None
    rng: np.random.Generator
    past: Past
    form: Form = "lines"
    example: AnyArchitecture | None = None


class Choice(NamedTuple):
    """A network that the model chose, the id of the one it changes, why, and the setting of the
    sampler that drew it, where that was chosen.
    """

    architecture: AnyArchitecture
    parent: str | None = None
    rationale: Rationale | None = None
    arm: str | None = None


Logprobs = Mapping[str, float]  # what could be the first token -> logarithm of its probability


@dataclass(frozen=True)
class Scoring:
    """Another way to the same choice: the probabilities of one token a prompt.

    Attributes:
        texts: the end of each prompt.
        read: probabilities of each prompt's token -> all choices and their scores, the best first;
            raises `ArchitectureError`.
        with_feedback: the prompts hold feedback and note, too.
    """

    texts: Sequence[str]
    read: Callable[[Sequence[Logprobs]], list[tuple[Choice, float]]]
    with_feedback: bool = True

    def expanded(self, whole: Callable[[Choice], Sequence[Choice]]) -> "Scoring":
        """The same, where each choice stands for several, which have its score."""

        def read(answers: Sequence[Logprobs]) -> list[tuple[Choice, float]]:
            return [(each, score) for one, score in self.read(answers) for each in whole(one)]

        return replace(self, read=read)


@dataclass(frozen=True)
class Task:
    """The end of a prompt, and how its reply is read.

    Attributes:
        text: what is asked.
        answer: the reply's form, ``{"order": ["..."]}``.
        schema: JSON schema of the reply.
        read: reply -> at least one choice; raises `ArchitectureError`.
        has_parent: some of the choices change a network that was trained.
        hint: what the parts of the answer mean.
        scoring: tried before the question is asked; None where replies are spoken.
        settled: the choices, where nothing has to be asked.
    """

    text: str
    answer: str
    schema: Mapping[str, Any]
    read: Callable[[Reply], list[Choice]]
    has_parent: bool = False
    hint: str = ""
    scoring: Scoring | None = None
    settled: Sequence[Choice] = ()

    @property
    def question(self) -> str:
        """The question, and the form of its answer."""
        answer = render("answer", answer=self.answer, hint=self.hint)
        return f"{self.text}\n{answer.rstrip()}"


class Role(Protocol):
    """Something that a model can be asked to do."""

    def task(self, given: Round) -> Task | None:
        """None if this role can offer nothing new and legal."""


def parents(given: Round, most: int) -> list[Trial]:
    """Networks worth changing, at most ``most``. With a niche, the nearest to it come first;
    otherwise the front, then the others by accuracy.
    """
    if given.niche:
        return [place.trial for place in given.past.ranked(given.niche)[:most]]
    fronting = {trial.number for trial in given.request.front}
    others = (place.trial for place in given.past.ranked() if place.number not in fronting)
    return [*given.request.front, *islice(others, most)][:most]
