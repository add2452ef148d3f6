"""Tokens of one request: as the server counts them, else our upper bound."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmanet.propose.llm.prompt import Message
from lmanet.tokens import count_tokens

# at most, of what a chat template adds to the messages: Llama 3.1 takes about 40, Qwen 2.5 about 30
TEMPLATE_TOKENS = 120
# The names of either API of OpenAI; servers use both.
PROMPT_NAMES = ("prompt_tokens", "input_tokens")
COMPLETION_NAMES = ("completion_tokens", "output_tokens")
DETAIL_NAMES = ("prompt_tokens_details", "input_tokens_details")
IMPLAUSIBLE = 2**31  # tokens of one request; a larger number is no count


class Tokens(NamedTuple):
    """What one request took.

    Attributes:
        cached: those of the prompt that the server took from its prefix cache, if it says so.
        bounded: those of prompt and completion that the server did not count: our upper bound.
    """

    prompt: int
    cached: int
    completion: int
    bounded: int


def prompt_bound(messages: Sequence[Message]) -> int:
    """At least as many tokens as the messages take."""
    return TEMPLATE_TOKENS + sum(count_tokens(message["content"]) for message in messages)


def read_tokens(reported: object, asked: int, reply: str, longest: int) -> Tokens:
    """Read a server's ``usage``, however it is shaped; what is missing is bounded.

    Args:
        asked: bound of the prompt.
        reply: all text that came, thinking included.
        longest: bound of the reply, where its text does not tell.
    """
    given = reported if isinstance(reported, Mapping) else {}
    prompt, completion = _count(given, PROMPT_NAMES), _count(given, COMPLETION_NAMES)
    total, bounded = _count(given, ("total_tokens",)), 0
    if total and prompt and total > prompt:  # some count thinking in the total alone
        completion = max(completion or 0, total - prompt)
    if completion is None or (reply and not completion):
        completion = min(count_tokens(reply), longest) if reply else longest
        bounded = completion
    if not prompt and total and total > completion:
        prompt, bounded = total - completion, 0
    elif not prompt:
        prompt = asked
        bounded += asked
    details = next((given[name] for name in DETAIL_NAMES if name in given), None)
    cached = _count(details if isinstance(details, Mapping) else {}, ("cached_tokens",))
    return Tokens(prompt, min(cached or 0, prompt), completion, bounded)


def _count(given: Mapping[str, object], names: Sequence[str]) -> int | None:
    """The first of some numbers that is a count; None where none is."""
    numbers = (number for name in names if isinstance(number := given.get(name), int | float))
    return next(
        (
            int(number)
            for number in numbers
            if not isinstance(number, bool) and 0 <= number < IMPLAUSIBLE and number == int(number)
        ),
        None,
    )
