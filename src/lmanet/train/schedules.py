"""Learning rate over a training: pure functions of the epoch, asked at every step."""

import math
from dataclasses import dataclass
from typing import Protocol

from lmanet.base import Above0
from lmanet.errors import ConfigError


class Schedule(Protocol):
    """Share of the optimizer's learning rate that is used at a moment of the training."""

    def __call__(self, epoch: float, epochs: int) -> float:
        """0 to 1.

        Args:
            epoch: epochs that are over, with the share of the one under way: 2.5 is the middle of
                the third.
            epochs: of the whole training.
        """


@dataclass(frozen=True)
class Step:
    """Multiply by ``factor`` each time ``every_epochs`` epochs are over.

    Attributes:
        every_epochs: epochs between two steps.
        factor: what the learning rate is multiplied by at each step.
    """

    every_epochs: Above0
    factor: Above0 = 0.1

    def __call__(self, epoch: float, epochs: int) -> float:
        return float(self.factor ** (epoch // self.every_epochs))


@dataclass(frozen=True)
class WarmupCosine:
    """From 0 to 1 in a straight line over ``warmup_epochs``, then along half a cosine to 0 at the
    end.

    Attributes:
        warmup_epochs: epochs in which the learning rate grows from 0 to its peak.
    """

    warmup_epochs: float = 0.0

    def __call__(self, epoch: float, epochs: int) -> float:
        if not 0 <= self.warmup_epochs < epochs:
            raise ConfigError(
                f"warmup_epochs={self.warmup_epochs} must be below epochs={epochs}; correct the "
                "recipe's schedule in conf/"
            )
        if epoch < self.warmup_epochs:
            return epoch / self.warmup_epochs
        return (
            1 + math.cos(math.pi * (epoch - self.warmup_epochs) / (epochs - self.warmup_epochs))
        ) / 2
