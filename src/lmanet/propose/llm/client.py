"""Asks a chat model: one request with a limit on time and retries. If the server knows no JSON
schema, it falls back to plain text with a warning.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmanet.errors import EndpointError
from lmanet.propose.llm.address import Endpoint, without_key
from lmanet.propose.llm.completion import Completion, read_completion
from lmanet.propose.llm.faults import PIECE, Fault
from lmanet.propose.llm.prompt import Message
from lmanet.propose.llm.sampling import Sampling
from lmanet.propose.llm.transport import post
from lmanet.propose.llm.usage import prompt_bound, read_tokens
from lmanet.run.records import Usage

FIRST_PAUSE_S = 1.0
LONGEST_OWN_PAUSE_S = 30.0
MOST_EMPTY = 10  # replies without a text in a row, after which no more are asked for
# Bytes of an answer. A token of a reply has some 4 letters, and JSON may write a letter in 6 bytes.
FEWEST_BYTES, BYTES_A_TOKEN = 2**18, 64
LENGTH, NEWER_LENGTH = "max_tokens", "max_completion_tokens"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        schema: JSON schema of the reply; None asks for plain text.
        seed: of the sampling, 31 bits.
        max_reply_tokens: the longest reply; None is that of `Sampling`.
        likeliest: how many of the likeliest first tokens are wanted.
    """

    messages: Sequence[Message]
    schema: Mapping[str, Any] | None
    seed: int
    sampling_temperature: float
    max_reply_tokens: int | None = None
    likeliest: int = 0


@dataclass(frozen=True)
class Answer:
    """A reply to the letter, but for halves of characters, which no file could hold, and an API
    key, which no file may.

    Attributes:
        cut: it ended at the longest reply.
        structured: it was asked for with a JSON schema.
        instead: what came in place of a text; empty where a text came.
        likeliest: see `Completion`.
    """

    text: str
    cut: bool
    structured: bool
    usage: Usage
    instead: str = ""
    likeliest: Mapping[str, float] = field(default_factory=dict)


@dataclass
class _Asking:
    """One query on its way.

    Attributes:
        requests: sent so far.
    """

    query: Query
    longest: int
    requests: int = 0


class Client:
    """Asks one model. What it has learned of the server holds for all queries."""

    def __init__(self, endpoint: Endpoint, sampling: Sampling) -> None:
        self.endpoint = endpoint
        self.sampling = sampling
        self.structured = sampling.structured != "never"
        self.gives_likeliest = True
        self._proven = sampling.structured == "always"
        self._length = LENGTH
        self._empty = 0
        self._said_uncounted = False

    def ask(self, query: Query) -> Answer:
        """One reply.

        Raises:
            EndpointError: none can be had; one sentence says why and what to change.
        """
        began = time.monotonic()
        asking = _Asking(query, query.max_reply_tokens or self.sampling.max_reply_tokens)
        if query.likeliest:
            return self._first_token(asking, began)
        completion = self._complete(asking)
        instead = without_key(completion.instead, self.endpoint.api_key, PIECE)
        self._count_empty(instead)
        return Answer(
            text=without_key(completion.text, self.endpoint.api_key),
            cut=completion.cut,
            structured=self.structured and query.schema is not None,
            usage=self._usage(completion, asking, time.monotonic() - began),
            instead=instead,
        )

    def close(self) -> None:
        """Nothing is left open between two requests."""

    def _first_token(self, asking: _Asking, began: float) -> Answer:
        """What the first token could have been; nothing where the server does not tell."""
        why = "it sends none (logprobs, top_logprobs)"
        try:
            completion = self._complete(asking)
        except Fault as fault:
            if not fault.may_be_schema:
                raise
            completion, why = None, str(fault)
        seconds = time.monotonic() - began
        if completion is None:
            spent = Usage(requests=asking.requests, retries=asking.requests - 1, seconds=seconds)
            answer = Answer("", cut=False, structured=False, usage=spent)
        else:
            usage = self._usage(completion, asking, seconds)
            likeliest = completion.likeliest
            answer = Answer("", completion.cut, False, usage, likeliest=likeliest)
        if not answer.likeliest and self.gives_likeliest:
            self.gives_likeliest = False
            log.warning(
                "%s gives no probabilities of tokens, so replies are read as spoken from here on "
                "(propose.team.rank.read): %s",
                self.endpoint.base_url,
                why,
            )
        return answer

    def _count_empty(self, instead: str) -> None:
        self._empty = self._empty + 1 if instead else 0
        if self._empty >= MOST_EMPTY:
            raise EndpointError(
                f"{self._empty} replies of {self.endpoint.base_url} in a row held no text "
                f"({instead}); look at the model's template and limits on the server, or raise "
                "propose.sampling.max_reply_tokens"
            )

    def _usage(self, completion: Completion, asking: _Asking, seconds: float) -> Usage:
        written = "" if completion.cut else completion.written
        asked = prompt_bound(asking.query.messages)
        tokens = read_tokens(completion.usage, asked, written, asking.longest)
        if tokens.bounded and not self._said_uncounted:
            self._said_uncounted = True
            log.warning(
                "%s does not count tokens; an upper bound counts in their place, about twice as "
                "many (budget.tokens)",
                self.endpoint.base_url,
            )
        price = self.sampling.price
        return Usage(
            prompt_tokens=tokens.prompt,
            cached_tokens=tokens.cached,
            completion_tokens=tokens.completion,
            bounded_tokens=tokens.bounded,
            requests=asking.requests,
            retries=asking.requests - 1,
            price=price.of(*tokens[:3]) if price else None,
            seconds=round(seconds, 3),
        )

    def _complete(self, asking: _Asking) -> Completion:
        query = asking.query
        body = {
            "model": self.endpoint.model,
            "messages": list(query.messages),
            "seed": query.seed,
            "temperature": query.sampling_temperature,
            "extra_body": dict(self.sampling.extra_body),
        }
        if query.likeliest:
            body |= {"logprobs": True, "top_logprobs": query.likeliest}
        if not self.structured or query.schema is None:
            return self._send(body, asking)
        reply_format = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": query.schema},
        }
        try:
            completion = self._send(body | {"response_format": reply_format}, asking)
            self._proven = True
            return completion
        except Fault as fault:
            if self._proven or not fault.may_be_schema:
                raise
            completion = self._send(body, asking)  # where this fails, it was not the schema
            self.structured = False
            log.warning(
                "Plain text from here on, without the JSON schema "
                "(propose.sampling.structured=auto): %s",
                fault,
            )
            return completion

    def _send(self, body: Mapping[str, Any], asking: _Asking) -> Completion:
        """Send with the field for the longest reply that the server knows."""
        try:
            return self._insist({**body, self._length: asking.longest}, asking)
        except Fault as fault:
            if self._length == NEWER_LENGTH or not fault.names(NEWER_LENGTH):
                raise
            completion = self._insist({**body, NEWER_LENGTH: asking.longest}, asking)
            self._length = NEWER_LENGTH
            return completion

    def _insist(self, body: Mapping[str, Any], asking: _Asking) -> Completion:
        """Send, and again while a fault may pass and retries are left."""
        most_bytes = FEWEST_BYTES + BYTES_A_TOKEN * asking.longest
        for left in reversed(range(self.endpoint.retries + 1)):
            asking.requests += 1
            try:
                sent = post(self.endpoint, body, most_bytes)
                return read_completion(sent, self.endpoint, self.sampling.extra_body)
            except Fault as fault:
                if not left or not fault.passing:
                    raise
                pause = self._pause(fault, self.endpoint.retries - left)
                log.info("asked again in %.3g s: %s", pause, fault)
            time.sleep(pause)
        raise AssertionError("the last request returns or raises")

    def _pause(self, fault: Fault, failed: int) -> float:
        """Seconds until the next request.

        Args:
            failed: retries so far.
        """
        longest = self.endpoint.longest_pause_s
        if (fault.pause_s or 0) > longest:
            raise EndpointError(
                f"{fault}; it asks for a pause of {fault.pause_s:.0f} s and "
                f"propose.server.longest_pause_s is {longest:g}"
            ) from fault
        return fault.pause_s or min(FIRST_PAUSE_S * 2**failed, LONGEST_OWN_PAUSE_S)
