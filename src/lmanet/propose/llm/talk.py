"""The requests behind one call for proposals: their cost together stays within the budget of
tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from lmanet.errors import ArchitectureError
from lmanet.propose.llm.prompt import Message, Prompt
from lmanet.propose.llm.reply import Reply, read_reply
from lmanet.propose.llm.sampling import Sampling
from lmanet.propose.llm.usage import prompt_bound
from lmanet.run.brief import Request
from lmanet.run.records import Usage

if TYPE_CHECKING:
    from lmanet.propose.llm.client import Answer, Client


class TokensSpentError(Exception):
    """Another request might exceed the run's budget of tokens."""


T = TypeVar("T")


class Question(NamedTuple, Generic[T]):
    """Something that is asked until the reply can be read.

    Attributes:
        read: reply -> what is in it. It raises `ArchitectureError`, and the model is told why.
    """

    messages: Sequence[Message]
    schema: Mapping[str, Any]
    sampling_temperature: float
    read: Callable[[Reply], T]


class Found(NamedTuple, Generic[T]):
    """What a question's last reply gave: what was read in it, else the error."""

    value: T | None = None
    answer: "Answer | None" = None
    error: str | None = None


class Talk:
    """Asks the model and keeps the account.

    Args:
        seed: of the run; with the request's number and the count of questions it fixes each one's
            sampling.
    """

    def __init__(self, client: "Client", sampling: Sampling, request: Request, seed: int) -> None:
        self._client = client
        self._sampling = sampling
        self._request = request
        self._seed = seed
        self._questions = 0
        self.usage = Usage()

    def ask(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any] | None,
        sampling_temperature: float,
        max_reply_tokens: int | None = None,
        is_retry: bool = False,
    ) -> "Answer":
        """One reply.

        Args:
            max_reply_tokens: None is that of `Sampling`.
            is_retry: the reply before could not be used.

        Raises:
            EndpointError: none can be had.
            TokensSpentError: prompt and longest reply together might exceed what is left.
        """
        # imports openai, which takes seconds: only a run that asks a model pays
        from lmanet.propose.llm.client import (
            Query,
        )

        longest = max_reply_tokens or self._sampling.max_reply_tokens
        bound = prompt_bound(messages) + longest
        if (
            self._request.tokens_left is not None
            and self.usage.tokens + bound > self._request.tokens_left
        ):
            raise TokensSpentError
        seed = request_seed(self._seed, self._request.number, self._questions)
        answer = self._client.ask(Query(messages, schema, seed, sampling_temperature, longest))
        self._questions += 1
        self.usage = Usage.total([self.usage, answer.usage, Usage(retries=int(is_retry))])
        return answer

    def settle(self, question: Question[T], prompt: Prompt) -> Found[T]:
        """Ask, and ask again while the reply cannot be read and attempts and tokens are left.

        Raises:
            EndpointError, TokensSpentError: as `ask`, the latter for the first request alone.
        """
        messages, found = question.messages, Found[T]()
        for _ in range(prompt.max_attempts):
            try:
                answer = self.ask(
                    messages,
                    question.schema,
                    question.sampling_temperature,
                    is_retry=found.answer is not None,
                )
            except TokensSpentError:
                if found.answer is None:
                    raise
                break
            try:
                return Found(question.read(_reply(answer)), answer)
            except ArchitectureError as fault:
                cut = (
                    f"the reply was cut at {self._sampling.max_reply_tokens} tokens: "
                    if answer.cut
                    else ""
                )
                found = Found(None, answer, f"{cut}{fault}")
                messages = prompt.ask_again(question.messages, answer.text, f"{cut}{fault}")
        return found


def _reply(answer: "Answer") -> Reply:
    if answer.instead:
        raise ArchitectureError(f"the reply is empty: {answer.instead}")
    return read_reply(answer.text)


def request_seed(seed: int, number: int, question: int) -> int:
    """Seed of one request, 31 bits: the same after a resume, another for
    every trial and question.
    """
    return int(np.random.SeedSequence([seed, number, question]).generate_state(1)[0]) >> 1
