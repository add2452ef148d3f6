"""LLMProposer: asks a language model in one of its roles. If a reply cannot be used, it asks again
and says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lmanet.propose.llm.example import example
from lmanet.propose.llm.prompt import Prompt
from lmanet.propose.llm.reply import Reply, after_thinking
from lmanet.propose.llm.sampling import Sampling
from lmanet.propose.llm.servers import Server
from lmanet.propose.llm.talk import Found, Question, Talk, TokensSpentError
from lmanet.propose.llm.why import claims_text, with_reasons
from lmanet.propose.roles.legal import tried
from lmanet.propose.roles.niches import niche
from lmanet.propose.roles.past import follow
from lmanet.propose.roles.strategist import figures
from lmanet.propose.roles.strategy import Plan, Strategy
from lmanet.propose.roles.task import Choice, Round, Task
from lmanet.propose.roles.team import Team
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Usage

if TYPE_CHECKING:
    from lmanet.propose.llm.client import Client

T = TypeVar("T")


@dataclass
class LLMProposer:
    """Proposes what a language model answers.

    Attributes:
        model: the server's name of the model; a .gguf file for `EmbeddedServer`, None for the
            packaged one.
        server: started at the first proposal, stopped by `close`.
        strategy: which role has its turn.
        team: the roles and the strategist.
    """

    brief: Brief
    model: str | None
    server: Server
    sampling: Sampling
    prompt: Prompt
    strategy: Strategy
    team: Team

    def __post_init__(self) -> None:
        self._example = example(self.brief)
        claims = [claims_text(self.brief)] if self.prompt.rationale else []
        self._opening = "\n\n".join([self.prompt.opening(self.brief, self._example), *claims])
        self._past = follow(self.brief.space)
        self._client: Client | None = None
        # the newest; while the network proposed with it is in training, no trial tells of it
        self._note = ""

    def require(self) -> None:
        self.server.require(self.model)

    def propose(self, request: Request) -> list[Proposal]:
        plan = self.strategy.plan(request)
        given = self._round(request, plan.niche)
        role, task = self.team.task(plan.role, given)
        if self.prompt.rationale:
            task = with_reasons(task, self.brief, given.count)
        talk = Talk(self._connected(), self.sampling, request, self.brief.seed)
        new_note = ""
        try:
            new_note = self._new_note(given, talk)
            self._note = new_note or self._note or given.past.note
            found = self._ask(given, task, plan, talk)
        except TokensSpentError:
            if not talk.usage.requests:
                return []
            found = Found(
                error=(
                    "the run's budget of tokens (budget.tokens) does not suffice for another "
                    "request"
                )
            )
        shared = Proposal(
            proposer=self.served_model,
            reply=found.answer.text if found.answer else None,
            error=found.error,
            structured=found.answer.structured if found.answer else None,
            role=role,
            niche=str(given.niche) if given.niche else None,
            sampling_temperature=plan.sampling_temperature,
            stalled_for=plan.stalled_for,
        )
        first = {"usage": talk.usage, "note": new_note or None}
        if not found.value:
            return [shared.model_copy(update=first)]
        proposals = [
            shared.model_copy(update=choice._asdict()) for choice in found.value[: given.count]
        ]
        return [proposals[0].model_copy(update=first), *proposals[1:]]

    def close(self) -> None:
        if self._client:
            self._client.close()
            self._client = None
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
        known = f"Note on the results so far: {self._note}" if self._note else ""
        messages = self.prompt.ask(self._opening, given.request.feedback, known, task.question)
        return talk.settle(
            Question(messages, task.schema, plan.sampling_temperature, task.read), self.prompt
        )

    def _connected(self) -> "Client":
        if self._client is None:
            # imports openai, which takes seconds: only a run that asks a model pays
            from lmanet.propose.llm.client import (
                Client,
            )

            self._client = Client(self.server.start(self.model), self.sampling)
        return self._client
