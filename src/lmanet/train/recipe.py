"""Recipe: how a network is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.optim import Optimizer

from lmanet.errors import ConfigError
from lmanet.train.schedules import Schedule


class Augmentation(Protocol):
    """Changes a training batch."""

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (N, 3, H, W) and probabilities (N, classes); images may come back as float of the same range."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        optimizer: parameters -> optimizer; its ``lr`` is the peak that ``schedule`` scales.
        schedule: learning rate over the epochs.
        augment: what is done to training images; None leaves them.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.
        dropout: probability before the classifier, 0 to below 1.
        max_seconds: a training that takes longer is given up; None is no limit.
        precision: of Lightning's trainer, such as ``32-true`` or ``bf16-mixed``.
        accelerator: of Lightning's trainer: ``auto``, ``cpu``, ``gpu``.
    """

    epochs: int
    batch_size: int
    optimizer: Callable[..., Optimizer]
    schedule: Schedule
    augment: Augmentation | None = None
    label_smoothing: float = 0.0
    dropout: float = 0.0
    max_seconds: float | None = None
    precision: str = "32-true"
    accelerator: str = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ConfigError(f"epochs={self.epochs} must be at least 1; correct the recipe in conf/")
        if self.batch_size < 2:
            raise ConfigError(f"batch_size={self.batch_size} must be at least 2, for batch norm; correct the recipe in conf/")
        for name in ("label_smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be 0 to below 1; correct the recipe in conf/")
        self.schedule(0.0, self.epochs)  # says so now if it does not fit
