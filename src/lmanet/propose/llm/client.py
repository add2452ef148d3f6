"""Asks a chat model: one request with a limit on time and retries. If the server knows no JSON
schema, it falls back to plain text with a warning.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from lmanet.errors import EndpointError
from lmanet.propose.llm.prompt import Message
from lmanet.propose.llm.sampling import Sampling
from lmanet.propose.llm.servers import Endpoint
from lmanet.run.records import Usage

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SCHEMA_WORDS = ("response_format", "json_schema", "schema", "grammar")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        schema: JSON schema of the reply; None asks for plain text.
        seed: of the sampling, 31 bits.
        max_reply_tokens: the longest reply; None is that of `Sampling`.
    """

    messages: Sequence[Message]
    schema: Mapping[str, Any] | None
    seed: int
    sampling_temperature: float
    max_reply_tokens: int | None = None


@dataclass(frozen=True)
class Answer:
    """A reply to the letter, but for halves of characters, which no file could hold.

    Attributes:
        cut: it ended at the longest reply.
        structured: it was asked for with a JSON schema.
    """

    text: str
    cut: bool
    structured: bool
    usage: Usage


class _Refusal(EndpointError):
    """The server took the request and refused it, perhaps for its schema."""


class Client:
    """A connection to one model."""

    def __init__(self, endpoint: Endpoint, sampling: Sampling) -> None:
        self.endpoint = endpoint
        self.sampling = sampling
        self.structured = sampling.structured != "never"
        self._proven = sampling.structured == "always"
        self._requests = 0
        loopback = urlsplit(endpoint.base_url).hostname in LOOPBACK
        self._api = openai.OpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            timeout=endpoint.timeout_s,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(
                trust_env=not loopback
            ),  # no proxy on the way to this machine
        )

    def ask(self, query: Query) -> Answer:
        """One reply.

        Raises:
            EndpointError: none can be had; one sentence says why and what to change.
        """
        began, self._requests = time.monotonic(), 0
        completion = self._complete(query)
        choice = completion.choices[0]
        return Answer(
            text=_whole_characters(choice.message.content or ""),
            cut=choice.finish_reason == "length",
            structured=self.structured and query.schema is not None,
            usage=self._usage(completion.usage).model_copy(
                update={"seconds": round(time.monotonic() - began, 3)}
            ),
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _usage(self, usage: CompletionUsage | None) -> Usage:
        prompt, completion = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        details = usage.prompt_tokens_details if usage else None
        cached = (details.cached_tokens or 0) if details else 0
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            requests=self._requests,
            retries=self._requests - 1,
            price=self.sampling.price.of(prompt, cached, completion)
            if self.sampling.price
            else None,
        )

    def _complete(self, query: Query) -> ChatCompletion:
        body = {
            "model": self.endpoint.model,
            "messages": list(query.messages),
            "seed": query.seed,
            "temperature": query.sampling_temperature,
            "max_tokens": query.max_reply_tokens or self.sampling.max_reply_tokens,
            "extra_body": dict(self.sampling.extra_body),
        }
        if not self.structured or query.schema is None:
            return self._send(body)
        reply_format = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": query.schema},
        }
        try:
            completion = self._send(body | {"response_format": reply_format})
            self._proven = True
            return completion
        except _Refusal as refusal:
            if self._proven:
                raise
            completion = self._send(body)  # where this fails too, the schema was not to blame
            self.structured = False
            log.warning(
                (
                    "Plain text from here on, without the JSON schema "
                    "(propose.sampling.structured=auto): %s"
                ),
                refusal,
            )
            return completion

    def _send(self, body: Mapping[str, Any]) -> ChatCompletion:
        for number in range(self.endpoint.retries + 1):
            if number:
                time.sleep(min(FIRST_PAUSE_S * 2 ** (number - 1), LONGEST_PAUSE_S))
            self._requests += 1
            try:
                return self._checked(self._api.chat.completions.create(**body))
            except (openai.OpenAIError, ValueError) as error:
                fault = error
                if not _passing(error):
                    break
        raise self._explain(fault) from fault

    def _checked(self, completion: Any) -> ChatCompletion:
        # The library does not check what it reads: a web page becomes a str, any JSON a completion
        # without choices.
        if (
            isinstance(completion, ChatCompletion)
            and completion.choices
            and getattr(completion.choices[0], "message", None)
        ):
            return completion
        raise ValueError("the answer is no chat completion")

    def _explain(self, error: Exception) -> EndpointError:
        url, model = self.endpoint.base_url, self.endpoint.model
        if isinstance(error, openai.APITimeoutError):
            return EndpointError(
                f"{url} was silent for {self.endpoint.timeout_s:g} s; look at the server, or raise "
                "propose.server.timeout_s"
            )
        if isinstance(error, openai.APIConnectionError):
            return EndpointError(
                f"nothing answers at {url}; start the server (conf/propose says how) or correct "
                "propose.server.base_url"
            )
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return EndpointError(
                f"{url} refuses the API key ({error.status_code}); put a valid one into the "
                "environment variable that propose.server.api_key_env names"
            )
        if isinstance(error, openai.NotFoundError):
            return EndpointError(
                f"{url} has no model {model!r} (404); correct propose.model, or "
                "propose.server.base_url, which ends in /v1"
            )
        if isinstance(error, openai.RateLimitError):
            return EndpointError(
                f"{url} takes no more requests for now (429): {_text(error)}; wait, or check the "
                "account's quota"
            )
        if isinstance(error, openai.APIStatusError):
            return _Refusal(
                f"{url} refuses the request ({error.status_code}): {_text(error)}; see "
                "propose.sampling and propose.server"
            )
        return EndpointError(
            f"{url} speaks no OpenAI-compatible API: {_text(error)}; correct "
            "propose.server.base_url, which ends in /v1"
        )


def _whole_characters(text: str) -> str:
    """Lone surrogates as question marks: JSON can escape them, UTF-8 cannot write them."""
    return text.encode(errors="replace").decode()


def _passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, openai.InternalServerError):
        return not any(word in str(error).lower() for word in SCHEMA_WORDS)
    return isinstance(error, openai.APIConnectionError | openai.RateLimitError)


def _text(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
