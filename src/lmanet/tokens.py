"""An upper bound on the tokens of a text, without any model's tokenizer."""

import re

# A word, with the one space that byte-level tokenizers fold into it; else any single character.
PIECE = re.compile(r" ?(?<![A-Za-z])([A-Za-z]?[a-z]{0,15})(?![A-Za-z])|.", re.DOTALL)


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
    return sum(
        (len(piece[1]) + 1) // 2 if piece[1] else len(piece[0].encode())
        for piece in PIECE.finditer(text)
    )


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
