"""The answer of a server -> what stands in it. It is data: nothing in it is taken on trust."""

import json
from collections.abc import Iterator, Mapping
from math import exp, isfinite, log
from typing import Any, NamedTuple

from lmanet.propose.llm.address import Endpoint
from lmanet.propose.llm.faults import (
    MOST_SHOWN,
    cut_off,
    in_one_line,
    read_error,
    refused,
    unreadable,
)
from lmanet.propose.llm.transport import Sent

CUT = ("length", "max_tokens")
MOST_LIKELIEST = 100  # tokens of a list that are read; 20 are asked for
# Some servers write a token's first space as its vocabulary does.
AROUND_TOKENS = " \t\r\n\u0120\u2581\"'`*"
# Beside its content a message may hold these; none of them is a reply.
INSTEAD = {
    "tool_calls": "calls of tools",
    "function_call": "a call of a function",
    "refusal": "a refusal",
    "reasoning_content": "reasoning alone",
    "reasoning": "reasoning alone",
    "audio": "audio",
}


class Completion(NamedTuple):
    """A chat completion.

    Attributes:
        text: of the reply; empty where none came.
        written: that and all else that the model wrote.
        cut: it ended at the longest reply.
        instead: what came in place of a text.
        usage: as the server reported it, if it did.
        likeliest: what could have been the first token -> the natural logarithm of its probability;
            without spaces and quotes around it. Empty where the server gives none.
    """

    text: str
    written: str
    cut: bool
    instead: str
    usage: object
    likeliest: Mapping[str, float] = {}


def read_completion(sent: Sent, endpoint: Endpoint, extra: Mapping[str, Any]) -> Completion:
    """Read an answer.

    Args:
        extra: `Sampling.extra_body`.

    Raises:
        Fault: it is an error, cut off, or no chat completion.
    """
    data = _parsed(sent.content, endpoint)
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    choice = first if isinstance(first, dict) else {}
    if error := data.get("error") or choice.get("error"):
        raise refused(read_error(error, 200, sent.headers), endpoint, extra)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise unreadable(endpoint, "its answer has no choices[0].message")
    content = message.get("content")
    if not isinstance(content, str | list | None):
        raise unreadable(endpoint, f"a message's content is of type {type(content).__name__}")
    text = content if isinstance(content, str) else "".join(_text_parts(content or []))
    finish = str(choice.get("finish_reason") or "")
    return Completion(
        text=_whole_characters(text),
        written="\n".join(_texts([message.get(name) for name in ("content", *INSTEAD)])),
        cut=finish in CUT,
        instead="" if text.strip() else _instead(message, finish),
        usage=data.get("usage"),
        likeliest=_likeliest(choice.get("logprobs")),
    )


def _parsed(content: bytes, endpoint: Endpoint) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        start = content.strip()
        if not start or (start.startswith(b"{") and not start.endswith(b"}")):
            raise cut_off(endpoint, len(content)) from None
        shown = in_one_line(content[:80].decode(errors="replace"))
        raise unreadable(endpoint, f"its answer is no JSON ({shown})") from None
    if not isinstance(data, dict):
        raise unreadable(endpoint, "its answer is no JSON object")
    return data


def _likeliest(given: object) -> dict[str, float]:
    """Of ``logprobs``, the first token's list; tokens that differ in spaces and quotes alone are
    one.
    """
    content = given.get("content") if isinstance(given, Mapping) else None
    first = content[0] if isinstance(content, list) and content else None
    listed = first.get("top_logprobs") if isinstance(first, Mapping) else None
    found: dict[str, float] = {}
    for each in (listed if isinstance(listed, list) else [])[:MOST_LIKELIEST]:
        item: Mapping[str, Any] = each if isinstance(each, Mapping) else {}
        token, logprob = item.get("token"), _logprob(item.get("logprob"))
        if not isinstance(token, str) or logprob is None:
            continue
        name = _whole_characters(token).strip(AROUND_TOKENS)
        found[name] = _added(found[name], logprob) if name in found else logprob
    return found


def _logprob(value: object) -> float | None:
    """A finite number that is the logarithm of a probability, but for its rounding."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    legal = abs(value) < 1e9 and isfinite(value) and value < 1e-3
    return float(value) if legal else None


def _added(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities."""
    most = max(one, other)
    return most + log(exp(one - most) + exp(other - most))


def _text_parts(parts: list[Any]) -> Iterator[str]:
    """The text in a content that is a list of parts."""
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text


def _instead(message: Mapping[str, Any], finish: str) -> str:
    """What came in place of a text, in words."""
    found = [f"{what} ({name})" for name, what in INSTEAD.items() if message.get(name)]
    refusal = message.get("refusal")
    said = f": {in_one_line(refusal)[:MOST_SHOWN]}" if isinstance(refusal, str) and refusal else ""
    came = f"{' and '.join(found) or 'nothing'} came{said}"
    return f"{came}; finish_reason={in_one_line(finish)[:40]}" if finish else came


def _texts(value: object) -> Iterator[str]:
    """Every text within a value, but for the names of its fields."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list):
            left.extend(each.values() if isinstance(each, dict) else each)


def _whole_characters(text: str) -> str:
    """Lone surrogates as question marks: JSON can escape them, UTF-8 cannot write them."""
    return text.encode(errors="replace").decode()
