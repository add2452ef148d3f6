"""Classifier: the LightningModule of every training, of a candidate, a student or a teacher."""

import logging
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError, MulticlassF1Score

from lmanet.errors import TrainingError
from lmanet.records import Epoch
from lmanet.space.images import normalise, resize
from lmanet.space.network import Network
from lmanet.steps import Loss
from lmanet.train.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What a network is to tell apart, and how its pixels are normalised.

    Attributes:
        mean, std: of each RGB channel, for pixels in 0..1.
    """

    num_classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def cross_entropy(logits: Tensor, targets: Tensor, images: Tensor, progress: float) -> Tensor:
    """The loss of a training without a teacher: mean cross-entropy against probabilities (N, classes)."""
    return functional.cross_entropy(logits, targets)


class Classifier(LightningModule):
    """Trains a network on batches of uint8 images and labels, and measures it on validation or test batches.

    A training batch is augmented on the CPU; then every batch is normalised on the device and brought to the network's resolution.
    All that is drawn at random follows from seed and epoch, so that a training that goes on after a kill ends as if it had not stopped.

    Args:
        network: a `Network` is given images of its architecture's resolution, any other module those of the data.
        loss: is handed the batch before it is brought to the network's resolution, for a teacher has its own.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, task: Task, recipe: Recipe, loss: Loss = cross_entropy, seed: int = 0) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.resolution = network.architecture.resolution if isinstance(network, Network) else None
        self.task, self.recipe, self.loss, self.seed = task, recipe, loss, seed
        self.register_buffer("mean", torch.tensor(task.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(task.std).view(3, 1, 1), persistent=False)
        self.metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(task.num_classes, average="micro"),
                "macro_f1": MulticlassF1Score(task.num_classes, average="macro"),
                "calibration_error": MulticlassCalibrationError(task.num_classes, n_bins=15, norm="l1"),
            },
            compute_groups=False,  # the three keep different states
        )
        self._train_losses: list[Tensor] = []  # mean of each batch
        self._val_losses: list[Tensor] = []  # of each image
        self.measured: dict[str, float] = {}
        self.curve: list[Epoch] = []

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels 0..255 -> zero mean and unit deviation, at the data's resolution."""
        return normalise(images, self.mean, self.std)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images -> logits (N, classes)."""
        if self.resolution:
            images = resize(images, self.resolution)
        logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def on_before_batch_transfer(self, batch: tuple[Tensor, Tensor], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        if not self.trainer.training:
            return batch
        images, labels = batch
        smoothing = self.recipe.label_smoothing
        targets = functional.one_hot(labels, self.task.num_classes) * (1 - smoothing) + smoothing / self.task.num_classes
        return self.recipe.augment(images, targets) if self.recipe.augment else (images, targets)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images = self.normalise(batch[0])
        progress = self.global_step / self.trainer.estimated_stepping_batches
        loss = self.loss(self(images), batch[1], images, progress)
        self._train_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        logits = self(self.normalise(images))
        self._val_losses.append(functional.cross_entropy(logits, labels, reduction="none"))
        self.metrics.update(logits.softmax(dim=1), labels)

    def on_validation_epoch_end(self) -> None:
        self.measured = {name: float(value) for name, value in self.metrics.compute().items()}
        losses = torch.cat(self._val_losses)
        self.measured |= {"loss": float(losses.mean()), "images": len(losses)}
        self.metrics.reset()
        self._val_losses.clear()

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.current_epoch]).generate_state(1)[0]))
        self._epoch_start = time.monotonic()

    def on_train_epoch_end(self) -> None:
        train_loss, val_loss = float(torch.stack(self._train_losses).mean()), self.measured["loss"]
        self._train_losses.clear()
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise TrainingError(
                f"after epoch {self.current_epoch + 1} the loss is {train_loss} in training and {val_loss} in validation, not finite; "
                "lower the learning rate or lengthen its warm-up (the recipe's optimizer.lr and schedule in conf/)"
            )
        epoch = Epoch(
            epoch=self.current_epoch,
            train_loss=train_loss,
            val_loss=val_loss,
            val_accuracy=self.measured["accuracy"],
            seconds=time.monotonic() - self._epoch_start,
        )
        self.curve.append(epoch)
        log.info(
            "epoch %d/%d: training loss %.3f, validation loss %.3f, validation accuracy %.2f %%, %.1f s",
            *(epoch.epoch + 1, self.recipe.epochs, train_loss, val_loss, 100 * epoch.val_accuracy, epoch.seconds),
        )

    def configure_optimizers(self) -> Any:
        optimizer = self.recipe.optimizer(self.network.parameters())
        steps = self._steps_per_epoch
        scale = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.recipe.schedule(step / steps, self.recipe.epochs))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scale, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["curve"] = [epoch.model_dump() for epoch in self.curve]
        checkpoint["measured"] = self.measured

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.curve = [Epoch.model_validate(epoch) for epoch in checkpoint["curve"]]
        self.measured = dict(checkpoint["measured"])

    @property
    def seconds(self) -> float:
        """Wall time of the epochs that are over, validation included."""
        return sum(epoch.seconds for epoch in self.curve)

    @property
    def _steps_per_epoch(self) -> int:
        return int(self.trainer.estimated_stepping_batches) // self.recipe.epochs
