"""The requests behind one call for proposals: their cost together stays within the budget of
tokens.
"""

import logging
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


MOST_LIKELIEST = 20  # of OpenAI's API; vLLM's default allows no more
PLAIN_TEMPERATURE = 1.0  # some servers give the probabilities as tempered
log = logging.getLogger(__name__)


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


class Weighing(NamedTuple, Generic[T]):
    """Something that is answered by the probabilities of one token a prompt.

    Attributes:
        prompts: each asked for one token.
        read: likeliest tokens of each prompt -> what they say. It raises `ArchitectureError`.
    """

    prompts: Sequence[Sequence[Message]]
    read: Callable[[Sequence[Mapping[str, float]]], T]


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
        **details: Any,
    ) -> "Answer":
        """One reply.

        Args:
            max_reply_tokens: None is that of `Sampling`.
            details: further fields of the `Query`.

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
        query = Query(messages, schema, seed, sampling_temperature, longest, **details)
        answer = self._client.ask(query)
        self._questions += 1
        self.usage = Usage.total([self.usage, answer.usage])
        return answer

    def weigh(self, weighing: Weighing[T]) -> Found[T] | None:
        """Ask each prompt for one token; None where the probabilities do not tell.

        Raises:
            EndpointError, TokensSpentError: as `ask`.
        """
        before = self._questions
        try:
            if self._may_spend(weighing.prompts) and (answers := self._first_tokens(weighing)):
                value = weighing.read([each.likeliest for each in answers])
                return Found(value, answers[-1])
        except ArchitectureError as fault:
            log.info("the choice is asked for in words: %s", fault)
        # The spoken question is drawn as if it were the first, also after a resume, when it is not
        # known yet that the server gives no probabilities.
        self._questions = before
        return None

    def _first_tokens(self, weighing: Weighing[T]) -> "list[Answer]":
        """The answers to all prompts; none where one has no probabilities."""
        answers: list[Answer] = []
        for messages in weighing.prompts:
            if not self._client.gives_likeliest:
                return []
            answers.append(self.ask(messages, None, PLAIN_TEMPERATURE, 1, likeliest=MOST_LIKELIEST))
        return answers if all(each.likeliest for each in answers) else []

    def _may_spend(self, prompts: Sequence[Sequence[Message]]) -> bool:
        """Whether the tokens left suffice for one token to each prompt."""
        left = self._request.tokens_left
        if left is None:
            return True
        return self.usage.tokens + sum(prompt_bound(each) + 1 for each in prompts) <= left

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
                )
                again = found.answer is not None
                self.usage = Usage.total([self.usage, Usage(retries=int(again))])
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
