"""An upper bound on the tokens of a text, without any model's tokenizer."""

import re

# A word, and the one space that byte-level tokenizers fold into it.
WORD = re.compile(r"( ?)(?<![A-Za-z])([A-Za-z][a-z]{0,15})(?![A-Za-z])")


def count_tokens(text: str) -> int:
    """At least as many tokens as Llama, Qwen or SmolLM2 make of ``text``, and about twice as many
    for prose and JSON.

    Byte-level tokenizers split a text into runs of letters, digits and other characters and then
    join bytes within a run, so none needs more than a token a byte. Words of up to 16 letters join
    at least in pairs on average, identifiers and abbreviations included: n letters count as ceil(n
    / 2). Digits, punctuation, other spaces, capitals, longer runs of letters and every byte beyond
    ASCII count as one each. Only short groups of random consonants can exceed the count, by a
    fifth.
    """
    words = WORD.findall(text)
    spared = sum(len(space) + len(word) // 2 for space, word in words)
    return len(text.encode()) - spared


def clip_tokens(text: str, most: int) -> str:
    """The longest beginning of ``text`` in whole words that counts as at most ``most``."""
    if count_tokens(text) <= most:
        return text
    words = text.split(" ")
    low, high = 0, len(words)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if count_tokens(" ".join(words[:middle])) <= most else (low, middle)
        )
    return " ".join(words[:low])
