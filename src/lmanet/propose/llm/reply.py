"""A model's reply -> the values in it, parsed once. The text is data; nothing in it is coerced."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import json_repair
from pydantic import ValidationError

from lmanet.errors import ArchitectureError
from lmanet.network import explain_validation
from lmanet.network.architecture import quoted
from lmanet.space import AnyArchitecture, SearchSpace

MAX_REPLY_CHARACTERS = 16_384
MAX_FAULT_CHARACTERS = 200
# Thinking aloud, by the marks that models put around it; the first one may be part of the prompt.
THOUGHT_BEGINS = re.compile(r"^[ \t]*(?:<(?:think|thinking|thought|reasoning)>|\[THINK\])", re.M)
THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]")


@dataclass(frozen=True)
class Reply:
    """The values in a reply.

    Attributes:
        text: what follows the model's thinking aloud.
        values: every unbroken JSON object in the text, from left to right. A part of a reply has
            one value.
    """

    text: str
    values: tuple[Any, ...]

    @cached_property
    def mended(self) -> Any:
        """The text from its first brace on, with brackets, quotes and commas repaired; None where
        there is no brace.
        """
        start = self.text.find("{")
        try:
            return json_repair.loads(self.text[start:]) if start >= 0 else None
        except (ValueError, RecursionError):
            return None

    def with_key(self, key: str) -> dict[str, Any] | None:
        """The first object that has a key, whole or, where none is, repaired."""
        for values in self.readings():
            for found in values:
                if isinstance(found, dict) and key in found:
                    return dict(found)
        return None

    def readings(self) -> Iterator[tuple[Any, ...]]:
        """The values as written, and then the repaired one in case they do not serve."""
        yield self.values
        yield (self.mended,)

    def part(self, value: object) -> "Reply":
        """A value within this reply as a reply of its own."""
        return read_reply(value) if isinstance(value, str) else Reply("", (value,))


def read_reply(text: str) -> Reply:
    """Parse a reply, however it is wrapped, repeated or broken off.

    Raises:
        ArchitectureError: it is too long, or all of it is thinking aloud.
    """
    after = after_thinking(text)
    if len(after) > MAX_REPLY_CHARACTERS:
        raise ArchitectureError(
            f"the reply has {len(after)} characters, more than {MAX_REPLY_CHARACTERS}"
        )
    if text.strip() and not after.strip():
        raise ArchitectureError("the reply holds thinking aloud alone, and nothing after it")
    return Reply(after, tuple(_whole_objects(after)))


def after_thinking(text: str) -> str:
    """What a reply says once it has thought; a draft within its thinking is none."""
    after = THOUGHT_ENDS.split(text)[-1]
    return THOUGHT_BEGINS.split(after)[0]


def parse_reply(text: str, space: SearchSpace) -> AnyArchitecture:
    """The first architecture of ``space`` in a reply's text.

    Raises:
        ArchitectureError: as `read_reply` and `read_architectures`.
    """
    return read_architectures(read_reply(text), space, 1)[0]


def read_architectures(reply: Reply, space: SearchSpace, most: int) -> list[AnyArchitecture]:
    """The first architectures of ``space`` in a reply, at least one, at most ``most``.

    Whole JSON objects come first. The repaired text is read only where none of them is legal.

    Raises:
        ArchitectureError: what is wrong with the first object that was meant as an architecture, or
            that there is none.
    """
    fault: ArchitectureError | None = None
    for values in reply.readings():
        found: list[AnyArchitecture] = []
        for candidate in _architectures(values, space.marks):
            try:
                found.append(space.parse(candidate))
            except ArchitectureError as error:
                fault = fault or error
            if len(found) == most:
                break
        if found:
            return found
    raise fault or ArchitectureError(
        f'the reply holds no JSON object with "{space.marks[0]}"'
        if reply.text.strip() or reply.values
        else "the reply is empty"
    )


def fault_of(item: object, error: Exception) -> str:
    """A value of a reply that cannot be read, and why, in one line."""
    if isinstance(error, RecursionError):
        reason = "nested too deeply"
    elif isinstance(error, ValidationError):
        reason = explain_validation(error, most=1)
    else:
        reason = str(error)
    return plain_text(f"{quoted(item)}: {reason}", MAX_FAULT_CHARACTERS)


def plain_text(value: object, most: int) -> str:
    """A value of a reply as one line of at most ``most`` characters. A lone surrogate, which no
    file can hold, becomes a question mark.
    """
    line = " ".join(str(value or "").split())
    return line.encode(errors="replace").decode()[:most]


def _whole_objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position = text.find("{")
    while position >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
            yield value
        except (
            ValueError,
            RecursionError,
        ):  # ValueError: malformed, or an integer of thousands of digits
            position += 1
        position = text.find("{", position)


def _architectures(values: Sequence[Any], marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Each value itself, or what a list or a wrapping object such as ``{"architecture": ...}`` or
    ``{"networks": [...]}`` holds.
    """
    for value in values:
        if _is_meant(value, marks):
            yield value
            continue
        inner = value.values() if isinstance(value, dict) else value
        for item in inner if isinstance(value, dict | list) else ():
            for each in item if isinstance(item, list) else [item]:
                if _is_meant(each, marks):
                    yield each


def _is_meant(value: Any, marks: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and any(mark in value for mark in marks)
