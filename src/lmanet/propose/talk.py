"""The requests behind one call for proposals: what they cost together, and never more tokens than are left."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lmanet.brief import Request
from lmanet.propose.prompt import Message
from lmanet.propose.sampling import Sampling
from lmanet.records import Usage
from lmanet.tokens import count_tokens

if TYPE_CHECKING:
    from lmanet.propose.client import Answer, Client

TEMPLATE_TOKENS = 120  # at most, of what a chat template adds to the messages: Llama 3.1 takes about 40, Qwen 2.5 about 30


class TokensSpentError(Exception):
    """Another request might exceed the run's budget of tokens."""


class Talk:
    """Asks the model and keeps the account.

    Args:
        seed: of the run; with the request's number and the count of questions it fixes each one's sampling.
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
        from lmanet.propose.client import Query  # imports openai, which takes seconds: only a run that asks a model pays

        longest = max_reply_tokens or self._sampling.max_reply_tokens
        bound = TEMPLATE_TOKENS + longest + sum(count_tokens(message["content"]) for message in messages)
        if self._request.tokens_left is not None and self.usage.tokens + bound > self._request.tokens_left:
            raise TokensSpentError
        seed = request_seed(self._seed, self._request.number, self._questions)
        answer = self._client.ask(Query(messages, schema, seed, sampling_temperature, longest))
        self._questions += 1
        self.usage = Usage.total([self.usage, answer.usage, Usage(retries=int(is_retry))])
        return answer


def request_seed(seed: int, number: int, question: int) -> int:
    """Seed of one request, 31 bits: the same after a resume, another for every trial and question."""
    return int(np.random.SeedSequence([seed, number, question]).generate_state(1)[0]) >> 1
