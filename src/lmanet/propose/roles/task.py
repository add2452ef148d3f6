"""What a role is given, and what it asks of the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from lmanet.claims.kinds import Rationale
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import Reply
from lmanet.propose.roles.niches import Niche
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Trial
from lmanet.space import AnyArchitecture, AnyCost, Form


@dataclass(frozen=True)
class Round:
    """One request to the model.

    Attributes:
        count: networks wanted.
        known: ids of all networks that were proposed.
        niche: the band of cost that is wanted; None is any.
        rng: of this request.
        form: in which networks are written.
        example: the network that the opening shows, to begin with.
    """

    brief: Brief
    request: Request
    count: int
    known: frozenset[str]
    niche: Niche | None
    rng: np.random.Generator
    form: Form = "lines"
    example: AnyArchitecture | None = None


class Choice(NamedTuple):
    """A network that the model chose, the id of the one it changes, and why."""

    architecture: AnyArchitecture
    parent: str | None = None
    rationale: Rationale | None = None


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
    """

    text: str
    answer: str
    schema: Mapping[str, Any]
    read: Callable[[Reply], list[Choice]]
    has_parent: bool = False
    hint: str = ""

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
    eligible = sorted(
        (trial for trial in given.request.trials if trial.eligible),
        key=lambda trial: (-accuracy(trial), trial.number),
    )
    band = given.niche
    if band:
        return sorted(eligible, key=lambda trial: band.distance(cost_of(trial)))[:most]
    fronting = {trial.number for trial in given.request.front}
    return [*given.request.front, *(trial for trial in eligible if trial.number not in fronting)][
        :most
    ]


def accuracy(trial: Trial) -> float:
    """On validation images, of a trained network."""
    assert trial.score is not None
    return trial.score.val_accuracy


def cost_of(trial: Trial) -> AnyCost:
    """By formula, of a network within the limits."""
    assert trial.verdict is not None and trial.verdict.cost is not None
    return trial.verdict.cost
