"""The compact form of a stage, stem or head: one line of short words, ``mb64 k3 s2 e4 se25 skip
relu x2``.

What is off is left out, as are fields without effect on the block and every field with one legal
value but the channels.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any

from lmanet.network.architecture import has_effect, quoted

# Name -> legal values, as in `lmanet.space.stages.part.Part.fields`.
Fields = Mapping[str, tuple[Any, ...]]

BLOCKS = {"depthwise": "dw", "mbconv": "mb", "conv": "cv", "fused": "fu"}
KINDS = {short: block for block, short in BLOCKS.items()}
NO_BLOCK = "c"
SHORT = {"relu6": "relu", "leaky_relu": "leaky", "hard_swish": "hswish"}
LETTERS = {"kernel": "k", "stride": "s", "expansion": "e", "se_ratio": "se", "layers": "x"}
FIELDS = dict.fromkeys((*BLOCKS.values(), NO_BLOCK), "channels") | {
    letters: field for field, letters in LETTERS.items()
}
OFF = {"se_ratio": 0, "skip": False, "layers": 1}
MEANINGS = {
    "kernel": "kernel",
    "stride": "stride",
    "expansion": "expansion",
    "se_ratio": "squeeze-and-excitation, hidden channels in per cent",
    "skip": "skip connection",
    "activation": "activation",
    "layers": "layers",
}
MAX_QUOTED = 20
SEPARATORS = re.compile(r"[ \t\r\n,;|]+")
FAMILY = re.compile(r"[a-z]+(?=-?[0-9])")


def write(part: Any, fields: Fields) -> str:
    """A `Stem`, `Stage` or `Head` as its line."""
    block = getattr(part, "block", None)
    words = [_first_word(block if "block" in fields else None, part.channels)]
    for field, left_out, _ in _optional_words(fields, block):
        if not (left_out and getattr(part, field) == OFF[field]):
            words.append(_word(field, getattr(part, field)))
    return " ".join(words)


def read(text: str, fields: Fields) -> tuple[dict[str, Any], list[str]]:
    """The line's fields with their values, and one clause for every word that is unknown, given
    twice or missing.

    Spaces, commas, capitals and the order of the words do not matter, everything else does.
    """
    found, faults = _look_up(text, fields)
    block = found.get("block", _only(fields.get("block")))
    found |= {field: values[0] for field, values in fields.items() if not has_effect(field, block)}
    for field, values in fields.items():
        if field in found:
            continue
        if len(values) == 1:
            found[field] = values[0]
        elif field in OFF and OFF[field] in values:
            found[field] = OFF[field]
        elif field != "block":
            faults.append(f"{field} missing, legal are {', '.join(_words(field, fields))}")
        elif found.get("channels"):
            faults.append(
                "block missing before the channels, legal are "
                f"{', '.join(BLOCKS[block] for block in values)}"
            )
    return found, faults


def pattern(fields: Fields) -> str:
    """Anchored regular expression of groups, alternatives and ``?`` alone, which every grammar of a
    server knows.
    """
    return (
        "^(" + "|".join(_sequence(block, fields) for block in fields.get("block", (None,))) + ")$"
    )


def describe_words(fields: Fields) -> list[str]:
    """One line for each kind of word, in the order in which they are written."""
    channels = " | ".join(map(str, fields["channels"]))
    blocks = fields.get("block", (None,))
    kinds = " or ".join(
        f"{BLOCKS[block]} ({block} block)" if block else NO_BLOCK for block in blocks
    )
    lines = [f"{kinds}, with the channels, one of {channels}"]
    for field, left_out, values in _optional_words(fields, *blocks):
        users = [BLOCKS[block] for block in blocks if block and has_effect(field, block)]
        only = f", {' and '.join(users)} only" if len(users) < len(blocks) > 1 else ""
        absent = f"; left out: {'none' if field != 'layers' else OFF[field]}" if left_out else ""
        lines.append(
            f"{' | '.join(_word(field, value) for value in values)}: "
            f"{MEANINGS[field]}{only}{absent}"
        )
    return lines


def _look_up(text: str, fields: Fields) -> tuple[dict[str, Any], list[str]]:
    vocabulary = _vocabulary(tuple(fields.items()))
    found: dict[str, Any] = {}
    faults: list[str] = []
    for word in SEPARATORS.split(text):
        if not word:
            continue
        known = vocabulary.get(word.lower() if word.isascii() else word)
        if known is None:
            known, fault = _unknown(word, fields)
            faults.append(fault)
        elif twice := [field for field in known if field in found]:
            faults.append(f"{quoted(word, MAX_QUOTED)}: {' and '.join(twice)} given twice")
        found.update(known)
    return found, faults


def _unknown(word: str, fields: Fields) -> tuple[dict[str, Any], str]:
    """The field that was meant, so that it is not called missing too, and the fault."""
    match = FAMILY.match(word.lower())
    field = FIELDS.get(match[0], "") if match else ""
    if match and field in fields:
        legal = _words(field, fields)
        same = (
            [other for other in legal if other.startswith(match[0])] if field == "channels" else []
        )
        block = KINDS.get(match[0])
        known = {"block": block} if block in fields.get("block", ()) else {}
        return {
            field: None,
            **known,
        }, f"{quoted(word, MAX_QUOTED)}: legal are {', '.join(same or legal)}"
    kinds = [_words(name, fields)[0] for name in ("channels", *MEANINGS) if name in fields]
    return (
        {},
        f"{quoted(word, MAX_QUOTED)} is not one of its words, which look like {', '.join(kinds)}",
    )


@lru_cache(maxsize=64)
def _vocabulary(fields: tuple[tuple[str, tuple[Any, ...]], ...]) -> dict[str, dict[str, Any]]:
    """Every legal word with the fields that it sets."""
    legal = dict(fields)
    words: dict[str, dict[str, Any]] = {
        f"{NO_BLOCK}{channels}": {"channels": channels} for channels in legal["channels"]
    }
    for block, channels in product(legal.get("block", ()), legal["channels"]):
        words[_first_word(block, channels)] = {"block": block, "channels": channels}
    for field, values in legal.items():
        if field not in ("block", "channels"):
            words |= {_word(field, value): {field: value} for value in values}
    # the long names are understood too
    words |= {value: {"activation": value} for value in legal["activation"]}
    return words


def _words(field: str, fields: Fields) -> list[str]:
    """The legal words for a field."""
    if field in ("block", "channels"):
        return [
            _first_word(block, channels)
            for block, channels in product(fields.get("block", (None,)), fields["channels"])
        ]
    return [_word(field, value) for value in fields[field]]


def _first_word(block: str | None, channels: int) -> str:
    return f"{BLOCKS[block] if block else NO_BLOCK}{channels}"


def _word(field: str, value: Any) -> str:
    if field == "activation":
        return SHORT.get(value, str(value))
    if field == "skip":
        return "skip" if value else "noskip"
    return f"{LETTERS[field]}{value * 100:g}" if field == "se_ratio" else f"{LETTERS[field]}{value}"


def _optional_words(
    fields: Fields, *blocks: str | None
) -> Iterator[tuple[str, bool, tuple[Any, ...]]]:
    """The fields that are written after the first word of one of these blocks.

    Each is its name, whether one value is left out, and the values that are written.
    """
    for field, values in fields.items():
        used = any(has_effect(field, block) for block in blocks)
        if field not in ("block", "channels") and len(values) > 1 and used:
            off = field in OFF and OFF[field] in values
            yield field, off, tuple(value for value in values if not off or value != OFF[field])


def _sequence(block: str | None, fields: Fields) -> str:
    text = (BLOCKS[block] if block else NO_BLOCK) + _any_of(
        [str(channels) for channels in fields["channels"]]
    )
    for field, left_out, values in _optional_words(fields, block):
        words = _any_of([_word(field, value) for value in values])
        text += f"( {words})?" if left_out else f" {words}"
    return text


def _any_of(words: list[str]) -> str:
    escaped = [word.replace(".", "[.]") for word in words]
    return f"({'|'.join(escaped)})" if len(escaped) > 1 else escaped[0]


def _only(values: tuple[Any, ...] | None) -> Any:
    return values[0] if values and len(values) == 1 else None
