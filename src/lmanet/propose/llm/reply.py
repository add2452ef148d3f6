"""A model's reply -> architecture of the space, or the reason why there is none; the text is data
and nothing in it is coerced.
"""

import json
from collections.abc import Iterator
from typing import Any

import json_repair

from lmanet.errors import ArchitectureError
from lmanet.space import AnyArchitecture, AnySpace

MAX_REPLY_CHARACTERS = 16_384
END_OF_THOUGHT = "</think>"


def parse_reply(reply: str, space: AnySpace) -> AnyArchitecture:
    """Find the first architecture of ``space`` in a reply, however it is wrapped, repeated or
    broken off.

    Raises:
        ArchitectureError: what is wrong with the first object that was meant as an architecture, or
            that there is none.
    """
    return parse_replies(reply, space, 1)[0]


def parse_replies(reply: str, space: AnySpace, most: int) -> list[AnyArchitecture]:
    """The first architectures of ``space`` in a reply, at least one, at most ``most``.

    Whole JSON objects come first; where none of them is legal the text is repaired (brackets,
    quotes, commas) and read again.

    Raises:
        ArchitectureError: as `parse_reply`.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        raise ArchitectureError(
            f"the reply has {len(reply)} characters, more than {MAX_REPLY_CHARACTERS}"
        )
    text = thought_out(reply)
    fault: ArchitectureError | None = None
    for candidates in (_whole(text, space.marks), _mended(text, space.marks)):
        found: list[AnyArchitecture] = []
        for candidate in candidates:
            try:
                found.append(space.parse(candidate))
            except ArchitectureError as error:
                fault = fault or error
            if len(found) == most:
                break
        if found:
            return found
    raise fault or ArchitectureError(
        "the reply is empty"
        if not text.strip()
        else f'the reply holds no JSON object with "{space.marks[0]}"'
    )


def thought_out(reply: str) -> str:
    """What follows a model's thinking aloud."""
    return reply.rpartition(END_OF_THOUGHT)[2]


def object_with(key: str, text: str) -> dict[str, Any] | None:
    """The first JSON object of a reply that has a key, whole or, where none is, repaired."""
    text = thought_out(text)
    whole = next((value for value in _whole_objects(text) if key in value), None)
    if whole is not None or "{" not in text:
        return whole
    mended = _repaired(text[text.find("{") :])
    return mended if isinstance(mended, dict) and key in mended else None


def _whole(text: str, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for value in _whole_objects(text):
        yield from _architectures(value, marks)


def _mended(text: str, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if (start := text.find("{")) >= 0:
        yield from _architectures(_repaired(text[start:]), marks)


def _whole_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that stands in the text unbroken, from left to right."""
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


def _repaired(text: str) -> Any:
    try:
        return json_repair.loads(text)
    except (ValueError, RecursionError):
        return None


def _architectures(value: Any, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The value itself, or what a list or a wrapping object such as ``{"architecture": ...}`` or
    ``{"networks": [...]}`` holds.
    """
    if _is_meant(value, marks):
        yield value
        return
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    for item in inner:
        yield from (
            each for each in (item if isinstance(item, list) else [item]) if _is_meant(each, marks)
        )


def _is_meant(value: Any, marks: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and any(mark in value for mark in marks)
