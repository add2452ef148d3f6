"""A reply that chooses among options: its schema, and how it is read, however it is wrapped."""

import re
from collections.abc import Sequence
from typing import Any

from lmanet.errors import ArchitectureError
from lmanet.propose.llm.reply import MAX_REPLY_CHARACTERS, thought_out
from lmanet.space.describe import object_schema

OBJECT = re.compile(r"\{.*\}", re.DOTALL)
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


def read_options(reply: str, options: Sequence[str], most: int) -> list[str]:
    """The options that stand in the reply's JSON object, or in its text where there is none; each
    once, in their order.

    Raises:
        ArchitectureError: there is none.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        raise ArchitectureError(
            f"the reply has {len(reply)} characters, more than {MAX_REPLY_CHARACTERS}"
        )
    text = thought_out(reply)
    inside = OBJECT.search(text)
    longest_first = sorted(options, key=len, reverse=True)
    named = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.])")
    chosen = list(dict.fromkeys(named.findall(inside[0] if inside else text)))[:most]
    if not chosen:
        raise ArchitectureError(
            f"the reply names none of the {len(options)} options, such as "
            f"{'; '.join(options[:SHOWN])}"
        )
    return chosen
