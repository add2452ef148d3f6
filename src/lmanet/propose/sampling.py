"""How a model's replies are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmanet.errors import ConfigError

STRUCTURED = ("auto", "always", "never")


@dataclass(frozen=True)
class Sampling:
    """What is asked of the server beside the messages.

    Attributes:
        sampling_temperature: the paper's is 1.5.
        max_reply_tokens: the longest reply; the paper's is 2,048.
        structured: ``always`` asks for the JSON schema of the space, ``never`` for plain text, ``auto`` goes from the
            first to the second, with a warning, where the server refuses.
        extra_body: further fields of the request that this server takes, such as ``min_p``.
    """

    sampling_temperature: float
    max_reply_tokens: int
    structured: str = "auto"
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.structured not in STRUCTURED:
            raise ConfigError(f"propose.sampling.structured={self.structured}: legal are {', '.join(STRUCTURED)}")
