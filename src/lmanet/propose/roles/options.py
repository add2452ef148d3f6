"""A reply that chooses among options: its schema, and how its values are read."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lmanet.errors import ArchitectureError
from lmanet.propose.llm.reply import Reply
from lmanet.space.describe import object_schema

SHOWN = 6


def options_schema(key: str, options: Sequence[str], count: int) -> dict[str, Any]:
    """``{"key": [...]}`` with ``count`` of the options, or all where there are fewer."""
    number = min(count, len(options))
    chosen = {
        "type": "array",
        "minItems": number,
        "maxItems": number,
        "items": {"enum": list(options)},
    }
    return object_schema({key: chosen})


def read_options(reply: Reply, options: Sequence[str], most: int) -> list[str]:
    """The options that a reply's JSON objects name, each once, in their order. A reply without a
    whole object is repaired, or else its text is searched.

    Raises:
        ArchitectureError: it names none.
    """
    longest_first = sorted(options, key=len, reverse=True)
    named = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.])")
    chosen = _found(named, reply.values)
    if not reply.values:
        chosen = _found(named, reply.mended) or named.findall(reply.text)
    if not chosen:
        raise ArchitectureError(
            f"the reply names none of the {len(options)} options, such as "
            f"{'; '.join(options[:SHOWN])}"
        )
    return list(dict.fromkeys(chosen))[:most]


def _found(named: re.Pattern[str], value: object) -> list[str]:
    return [option for text in _texts(value) for option in named.findall(text)]


def _texts(value: object) -> Iterator[str]:
    """Every text within a value, from left to right; a model may nest it deeper than Python can
    call.
    """
    left = [value]
    while left:
        found = left.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            left.extend(each for pair in reversed(found.items()) for each in reversed(pair))
        elif isinstance(found, list | tuple):
            left.extend(reversed(found))
