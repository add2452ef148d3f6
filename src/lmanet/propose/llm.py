"""LLMProposer: asks a language model for a network, and again with the reason where the reply holds none."""

from typing import TYPE_CHECKING

import numpy as np

from lmanet.errors import ArchitectureError
from lmanet.propose.prompt import Message, Prompt
from lmanet.propose.reply import parse_reply
from lmanet.propose.sampling import Sampling
from lmanet.propose.servers import Server
from lmanet.records import Brief, Proposal, Request, Usage
from lmanet.space import AnyArchitecture, json_schema

if TYPE_CHECKING:
    from lmanet.propose.client import Answer, Client


class LLMProposer:
    """Proposes what a language model answers.

    Args:
        model: the server's name of the model; a .gguf file for `EmbeddedServer`, None for the packaged one.
        server: started at the first proposal, stopped by `close`.
    """

    def __init__(self, brief: Brief, model: str | None, server: Server, sampling: Sampling, prompt: Prompt) -> None:
        self.brief = brief
        self.model = model
        self.server = server
        self.sampling = sampling
        self.prompt = prompt
        self._opening = prompt.opening(brief)
        self._client: Client | None = None

    def propose(self, request: Request) -> list[Proposal]:
        first = self.prompt.ask(self._opening, request.feedback)
        return [self._one(first, request.number + i) for i in range(request.count)]

    def close(self) -> None:
        if self._client:
            self._client.close()
            self._client = None
        self.server.stop()

    def _one(self, first: list[Message], number: int) -> Proposal:
        client, messages, usage = self._connected(), first, Usage()
        for attempt in range(self.prompt.max_attempts):
            answer = client.ask(messages, request_seed(self.brief.seed, number, attempt))
            usage = _sum(usage, answer.usage)
            try:
                architecture, error = self._read(answer), None
                break
            except ArchitectureError as fault:
                architecture, error = None, str(fault)
                messages = self.prompt.ask_again(first, answer.text, error)
        return Proposal(
            proposer=client.endpoint.model,
            architecture=architecture,
            reply=answer.text,
            error=error,
            structured=answer.structured,
            usage=usage,
        )

    def _read(self, answer: "Answer") -> AnyArchitecture:
        try:
            return parse_reply(answer.text, self.brief.space)
        except ArchitectureError as fault:
            if answer.cut:
                raise ArchitectureError(f"the reply was cut at {self.sampling.max_reply_tokens} tokens: {fault}") from fault
            raise

    def _connected(self) -> "Client":
        if self._client is None:
            from lmanet.propose.client import Client  # imports openai, which takes seconds: only a run that asks a model pays

            endpoint = self.server.start(self.model)
            self._client = Client(endpoint, self.sampling, json_schema(self.brief.space))
        return self._client


def request_seed(seed: int, number: int, attempt: int) -> int:
    """Seed of one request, 31 bits: the same after a resume, another for every trial and attempt."""
    return int(np.random.SeedSequence([seed, number, attempt]).generate_state(1)[0]) >> 1


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        requests=one.requests + other.requests,
        seconds=round(one.seconds + other.seconds, 3),
    )
