"""How a model's replies are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmanet.base import AtLeast1, NotNegative
from lmanet.errors import ConfigError

STRUCTURED = ("auto", "always", "never")


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, in whatever currency."""

    prompt: float
    cached: float
    completion: float

    def of(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
        """Price of a request; the cached tokens are part of the prompt's."""
        fresh = prompt_tokens - cached_tokens
        return (
            fresh * self.prompt + cached_tokens * self.cached + completion_tokens * self.completion
        ) / 1e6


@dataclass(frozen=True)
class Sampling:
    """What is asked of the server beside the messages.

    Attributes:
        sampling_temperature: of the strategist; the roles have their own
            (`lmanet.propose.Strategy`).
        max_reply_tokens: the longest reply; the paper's is 2,048.
        structured: ``always`` asks for the JSON schema of the space, ``never`` for plain text.
            ``auto`` begins with the schema and falls back to text, with a warning, if the server
            refuses it.
        price: of tokens, where they are paid for.
        extra_body: further fields of the request that this server takes, such as ``min_p``.
    """

    sampling_temperature: NotNegative
    max_reply_tokens: AtLeast1
    structured: str = "auto"
    price: Price | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.structured not in STRUCTURED:
            raise ConfigError(
                f"propose.sampling.structured={self.structured}: legal are {', '.join(STRUCTURED)}"
            )
