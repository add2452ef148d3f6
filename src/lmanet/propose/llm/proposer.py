"""LLMProposer: asks a language model in one of its roles. If a reply cannot be used, it asks again
and says why.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from lmanet.base import AtLeast1
from lmanet.propose.llm.address import Endpoint
from lmanet.propose.llm.at_once import divided, in_order
from lmanet.propose.llm.example import example
from lmanet.propose.llm.prompt import Prompt
from lmanet.propose.llm.reply import Reply, after_thinking
from lmanet.propose.llm.sampling import Sampling
from lmanet.propose.llm.servers import Server
from lmanet.propose.llm.talk import (
    Found,
    Question,
    Talk,
    TokensSpentError,
    Weighing,
)
from lmanet.propose.llm.why import ask_why, claims_text, with_reasons
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.niches import niche
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.strategist import figures
from lmanet.propose.roles.strategy import Plan, Strategy
from lmanet.propose.roles.task import Choice, Round, Scoring, Task
from lmanet.propose.roles.team import Team
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Usage

if TYPE_CHECKING:
    from lmanet.propose.llm.client import Client

SCORE_DECIMALS = 4
T = TypeVar("T")


class Asked(NamedTuple):
    """One request of those that a call for proposals makes.

    Attributes:
        talk: keeps its account.
    """

    given: Round
    plan: Plan
    role: str
    task: Task
    talk: Talk


@dataclass
class LLMProposer:
    """Proposes what a language model answers.

    Attributes:
        model: the server's name of the model; a .gguf file for `EmbeddedServer`, None for the
            packaged one.
        server: started at the first proposal, stopped by `close`.
        strategy: which role has its turn.
        team: the roles and the strategist.
        requests_at_once: into which a batch is divided, at most; more than one need a server with
            as many slots.
    """

    brief: Brief
    model: str | None
    server: Server
    sampling: Sampling
    prompt: Prompt
    strategy: Strategy
    team: Team
    requests_at_once: AtLeast1 = 1

    def __post_init__(self) -> None:
        self._example = example(self.brief)
        claims = [claims_text(self.brief)] if self.prompt.rationale else []
        self._opening = "\n\n".join([self.prompt.opening(self.brief, self._example), *claims])
        self._past = follow(self.brief.space)
        self._endpoint: Endpoint | None = None
        self._clients: list[Client] = []
        # the newest; while the network proposed with it is in training, no trial tells of it
        self._note = ""

    def require(self) -> None:
        self.server.require(self.model)

    def propose(self, request: Request) -> list[Proposal]:
        parts = divided(request, self.requests_at_once)
        proposals = self._propose_all(parts)
        if len(parts) > 1 and not proposals:  # the tokens left may yet suffice for one request
            proposals = self._propose_all([request])
        return proposals

    def _propose_all(self, parts: Sequence[Request]) -> list[Proposal]:
        """The questions are drawn in turn and the replies kept in that order, so that the same
        replies make the same proposals, whichever comes first.
        """
        first = self._prepared(parts[0], 0)
        try:
            note = self._new_note(first.given, first.talk)
        except TokensSpentError:
            return []
        self._note = note or self._note or first.given.past.note
        asked = [first, *(self._prepared(part, lane) for lane, part in enumerate(parts[1:], 1))]
        proposals = in_order([partial(self._settled, each) for each in asked])
        if note and proposals:
            proposals[0] = proposals[0].model_copy(update={"note": note})
        return proposals

    def _prepared(self, request: Request, lane: int) -> Asked:
        """A question, ready to be asked over a connection of its own."""
        plan = self.strategy.plan(request)
        given = self._round(request, plan.niche)
        role, task = self.team.task(plan.role, given)
        if self.prompt.rationale and role != "steer":
            task = with_reasons(task, self.brief, given.count)
        talk = Talk(self._connected(lane), self.sampling, request, self.brief.seed)
        return Asked(given, plan, role, task, talk)

    def _settled(self, asked: Asked) -> list[Proposal]:
        """What the model answers; none where the tokens left might not suffice."""
        try:
            found = self._ask(asked.given, asked.task, asked.plan, asked.talk)
        except TokensSpentError:
            if not asked.talk.usage.requests:
                return []
            found = Found(
                error=(
                    "the run's budget of tokens (budget.tokens) does not suffice for another "
                    "request"
                )
            )
        shared = _shared(self.served_model, asked, found)
        usage = {"usage": asked.talk.usage}
        if not found.value:
            return [shared.model_copy(update=usage)]
        proposals = [
            shared.model_copy(update=choice._asdict())
            for choice in found.value[: asked.given.count]
        ]
        return [proposals[0].model_copy(update=usage), *proposals[1:]]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._clients = []
        self._endpoint = None
        self.server.stop()

    @property
    def served_model(self) -> str:
        """The model's name at the server; this starts the server."""
        return self._connected().endpoint.model

    def figures(self, request: Request) -> dict[str, str]:
        """The trained networks in words, as the strategist sees them."""
        return figures(self._round(request, None))

    def ask(
        self, request: Request, text: str, schema: Mapping[str, Any], read: Callable[[Reply], T]
    ) -> tuple[Found[T], Usage]:
        """Ask the model for something other than networks, after the opening of every request.

        Raises:
            EndpointError: no reply can be had.
            TokensSpentError: the first request might exceed ``request.tokens_left``.
        """
        talk = Talk(self._connected(), self.sampling, request, self.brief.seed)
        messages = self.prompt.ask(self._opening, text)
        return talk.settle(
            Question(messages, schema, self.sampling.sampling_temperature, read), self.prompt
        ), talk.usage

    def _round(self, request: Request, band: int | None) -> Round:
        past = self._past.over(request.trials)
        return Round(
            brief=self.brief,
            request=request,
            count=request.count,
            known=tried(request, past),
            past=past,
            niche=None if band is None else niche(self.brief, self.strategy.niches, band),
            form=self.prompt.form,
            example=self._example,
            rng=np.random.default_rng([self.brief.seed, request.number]),
        )

    def _new_note(self, given: Round, talk: Talk) -> str:
        """A new note of the strategist; empty if none is due."""
        strategist = self.team.strategist
        unrecorded = self._note and self._note != given.past.note
        if unrecorded or not strategist.is_due(given.past):
            return ""
        question = self.prompt.ask(
            self._opening, given.request.feedback, strategist.question(given)
        )
        answer = talk.ask(question, None, self.sampling.sampling_temperature, strategist.max_tokens)
        return strategist.note(after_thinking(answer.text))

    def _ask(self, given: Round, task: Task, plan: Plan, talk: Talk) -> Found[list[Choice]]:
        if task.settled:
            return Found(list(task.settled))
        known = f"Note on the results so far: {self._note}" if self._note else ""
        if task.scoring and (found := self._weigh(given, task.scoring, known, talk)):
            return found
        messages = self.prompt.ask(self._opening, given.request.feedback, known, task.question)
        return talk.settle(
            Question(messages, task.schema, plan.sampling_temperature, task.read), self.prompt
        )

    def _weigh(
        self, given: Round, scoring: Scoring, known: str, talk: Talk
    ) -> Found[list[Choice]] | None:
        """The choice by probabilities of tokens; None where it has to be spoken.

        The reply of the record is the scores, and the order of the choices is theirs.
        """
        history = (given.request.feedback, known) if scoring.with_feedback else ()
        prompts = [self.prompt.ask(self._opening, *history, text) for text in scoring.texts]
        weighed = talk.weigh(Weighing(prompts, scoring.read))
        if weighed is None or weighed.value is None or weighed.answer is None:
            return None
        scores = [round(score, SCORE_DECIMALS) for _, score in weighed.value]
        answer = replace(weighed.answer, text=json.dumps({"scores": scores}))
        choices = [choice for choice, _ in weighed.value][: given.count]
        if self.prompt.rationale:
            choices = [self._reasoned(choice, given, talk) for choice in choices]
        return Found(choices, answer)

    def _reasoned(self, choice: Choice, given: Round, talk: Talk) -> Choice:
        """With reasons, which one token could not hold; without where none can be had."""
        if choice.arm:
            return choice  # the model chose how to draw it, and did not see it
        written = self.brief.space.write_proposal(choice.architecture, given.form)
        task = ask_why(choice, written, self.brief)
        messages = self.prompt.ask(self._opening, given.request.feedback, task.text)
        temperature = self.sampling.sampling_temperature
        question = Question(messages, task.schema, temperature, task.read)
        try:
            found = talk.settle(question, self.prompt)
        except TokensSpentError:
            return choice
        return found.value[0] if found.value else choice

    def _connected(self, lane: int = 0) -> "Client":
        """A connection; requests at the same time have one each."""
        # imports openai, which takes seconds: only a run that asks a model pays
        from lmanet.propose.llm.client import Client

        while len(self._clients) <= lane:
            self._endpoint = self._endpoint or self.server.start(self.model)
            self._clients.append(Client(self._endpoint, self.sampling))
        return self._clients[lane]


def _shared(model: str, asked: Asked, found: Found[list[Choice]]) -> Proposal:
    """What the proposals of one reply have in common."""
    niche = asked.given.niche
    return Proposal(
        proposer=model,
        reply=found.answer.text if found.answer else None,
        error=found.error,
        structured=found.answer.structured if found.answer else None,
        role=asked.role,
        niche=str(niche) if niche else None,
        sampling_temperature=asked.plan.sampling_temperature,
        stalled_for=asked.plan.stalled_for,
    )
