"""Classifier: the LightningModule of every training, of a candidate, a student or a teacher."""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import TrainingError
from lmanet.network.build import Network
from lmanet.network.images import fit, normalise
from lmanet.run.records import Epoch
from lmanet.steps import Batch, Batches, Loss
from lmanet.train.batch_norm import NormAverages
from lmanet.train.compute import Forward
from lmanet.train.measures import ClassCounts, by_class, metrics
from lmanet.train.recipe import Recipe

if TYPE_CHECKING:
    from timm.utils.model_ema import ModelEmaV3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What a network is to tell apart, and how its pixels are normalised.

    Attributes:
        mean, std: of each channel, for pixels in 0..1.
        class_weights: how much an image of each class counts in training; None is one each.
    """

    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_weights: tuple[float, ...] | None = None


def cross_entropy(logits: Tensor, batch: Batch, progress: float) -> Tensor:
    """The loss of a training without a teacher: mean cross-entropy against probabilities (N,
    classes).
    """
    return functional.cross_entropy(logits, batch.targets)


class Classifier(LightningModule):
    """Trains a network on batches of images, and measures it on validation or test batches; both
    come on the device that trains.

    Here they are normalised and brought to the network's resolution.
    All that is drawn at random follows from seed and epoch, so that a training that goes on after a
    pause or a kill ends as if it had not stopped. Where the recipe averages weights, it is the
    average that is validated, and that the network has in the end.

    Args:
        network: a `Network` is given images of its architecture's resolution, another module of its
            `input_resolution`, where it has one, else of the data's. One with ``reads_frames`` is
            given pixels as they are.
        loss: is handed the batch before it is brought to the network's resolution, for a teacher
            has its own.
    """

    mean: Tensor
    std: Tensor
    class_weights: Tensor | None

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        recipe: Recipe,
        loss: Loss = cross_entropy,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.network = network
        self.compute_by(network.__call__, torch.channels_last)
        # In training mode, as Lightning wants all of its module: it changes to evaluation for a
        # validation, where alone the average is run.
        self.average = _averaged(network, recipe.ema_decay) if recipe.ema_decay else None
        self.resolution = (
            network.architecture.size
            if isinstance(network, Network)
            else getattr(network, "input_resolution", None)
        )
        self.task, self.recipe, self.loss, self.seed = task, recipe, loss, seed
        self.register_buffer("mean", torch.tensor(task.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(task.std).view(-1, 1, 1), persistent=False)
        weights = torch.tensor(task.class_weights) if task.class_weights else None
        self.register_buffer("class_weights", weights, persistent=False)
        self.metrics = metrics(task.num_classes)
        self.norms: NormAverages | None = None
        self._train_losses: list[Tensor] = []  # mean of each batch
        self._val_losses: list[Tensor] = []  # of each image
        self._predicted: list[Tensor] = []  # class of each image
        self._labels: list[Tensor] = []
        self.by_class: tuple[ClassCounts, ...] = ()
        self.measured: dict[str, float] = {}
        self.curve: list[Epoch] = []

    def compute_by(self, forward: Forward, memory_format: torch.memory_format) -> None:
        """Say what to call for the network in training steps, where that is compiled, and the
        format that its images must have.
        """
        self._train_forward, self._memory_format = forward, memory_format

    def renew_norms_from(self, batches: Batches) -> None:
        """Take batch norm's averages anew before each validation, from training images without
        augmentation.
        """
        self.norms = NormAverages(batches, self.recipe.batch_norm_images, self._prepared)

    def input_shape(self, given: tuple[int, ...]) -> tuple[int, int, int]:
        """Channels, height and width of what the network reads, where the data give such."""
        channels, *size = given
        wanted = self.resolution or size
        height, width = (wanted, wanted) if isinstance(wanted, int) else wanted
        return channels, height, width

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels 0..255 -> zero mean and unit deviation, at the data's resolution."""
        return normalise(images, self.mean, self.std)

    def read(self, pixels: Tensor) -> Tensor:
        """Pixels 0..255 of the data -> what the network takes: bytes are resized before they are
        normalised, as on the board.
        """
        if getattr(self.network, "reads_frames", False):
            return pixels
        return self.normalise(fit(pixels, self.resolution) if self.resolution else pixels)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images -> logits (N, classes)."""
        forward = self._train_forward if self.training else self.validated
        return forward(self._fitted(images)).float()

    @property
    def validated(self) -> nn.Module:
        """The network, or where the recipe averages weights their average."""
        return self.average.module if self.average else self.network

    def _prepared(self, images: Tensor) -> Tensor:
        """Pixels 0..255 -> what the network takes."""
        return self._fitted(self.read(images))

    def _fitted(self, images: Tensor) -> Tensor:
        if self.resolution:
            images = fit(images, self.resolution)
        return images.contiguous(memory_format=self._memory_format)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        return batch  # it is there

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        batch = self._augmented_again(batch)
        targets = self._targets(batch.targets)
        images = self.read(batch.images)
        same = images.shape == batch.images.shape
        batch = batch._replace(
            images=images if same else self.normalise(batch.images), targets=targets
        )
        progress = self.global_step / (self._steps_per_epoch * self.recipe.epochs)
        loss = self.loss(self(images), batch, progress)
        self._train_losses.append(loss.detach())
        return loss

    def _augmented_again(self, batch: Batch) -> Batch:
        again = self.recipe.again
        if again is None:
            return batch
        alone = torch.eye(len(batch.images), device=batch.images.device)
        images, mixing = again.mix(again.each(batch.images), alone)
        return batch._replace(images=images, targets=mixing @ batch.targets, mixing=mixing)

    def _targets(self, given: Tensor) -> Tensor:
        """Smoothed and weighted; those of an image without a label stay 0."""
        smoothing = self.recipe.label_smoothing
        smoothed = given * (1 - smoothing) + smoothing / self.task.num_classes
        targets = torch.where(given.sum(1, keepdim=True) > 0, smoothed, given)
        return targets if self.class_weights is None else targets * self.class_weights

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self.average:
            self.average.update(self.network, self.global_step)

    def on_validation_epoch_start(self) -> None:
        if self.norms:
            self.norms.update(self.validated)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        logits = self(self.read(images))
        self._val_losses.append(functional.cross_entropy(logits, labels, reduction="none"))
        self._predicted.append(logits.argmax(1))
        self._labels.append(labels)
        self.metrics.update(logits.softmax(dim=1), labels)

    def on_validation_epoch_end(self) -> None:
        self.measured = {name: float(value) for name, value in self.metrics.compute().items()}
        losses, labels = torch.cat(self._val_losses), torch.cat(self._labels)
        self.by_class = by_class(torch.cat(self._predicted), labels, self.task.num_classes)
        predicted = sum(each.predicted > 0 for each in self.by_class)
        self.measured |= {
            "loss": float(losses.mean()),
            "images": len(losses),
            "predicted_classes": predicted,
        }
        self.metrics.reset()
        for of_batches in (self._val_losses, self._predicted, self._labels):
            of_batches.clear()

    def on_train_start(self) -> None:
        self._end_early()  # one that was stopped after its last epoch is over

    def on_train_epoch_start(self) -> None:
        batches = cast(Batches, self.trainer.train_dataloader)
        batches.set_epoch(self.current_epoch)
        torch.manual_seed(
            int(np.random.SeedSequence([self.seed, self.current_epoch]).generate_state(1)[0])
        )
        self._epoch_start = time.monotonic()

    def on_train_epoch_end(self) -> None:
        train_loss, val_loss = float(torch.stack(self._train_losses).mean()), self.measured["loss"]
        self._train_losses.clear()
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise TrainingError(
                f"after epoch {self.current_epoch + 1} the loss is {train_loss} in training and "
                f"{val_loss} in validation, not finite; lower the learning rate or lengthen its "
                "warm-up (the recipe's optimizer.lr and schedule in conf/)"
            )
        epoch = Epoch(
            epoch=self.current_epoch,
            train_loss=train_loss,
            val_loss=val_loss,
            val_accuracy=self.measured["accuracy"],
            seconds=time.monotonic() - self._epoch_start,
        )
        self.curve.append(epoch)
        self._end_early()
        log.info(
            (
                "epoch %d/%d: training loss %.3f, validation loss %.3f, validation accuracy %.2f "
                "%%, %.1f s"
            ),
            *(
                epoch.epoch + 1,
                self.recipe.epochs,
                train_loss,
                val_loss,
                100 * epoch.val_accuracy,
                epoch.seconds,
            ),
        )

    def _end_early(self) -> None:
        """Ask for the end where validation has not become better for long enough."""
        losses, patience = [epoch.val_loss for epoch in self.curve], self.recipe.patience
        if (
            patience
            and len(losses) > patience
            and min(losses[-patience:]) >= min(losses[:-patience])
        ):
            self.trainer.should_stop = True

    def keep_average(self) -> None:
        """Give the network the averaged weights, where the recipe averages."""
        if self.average:
            self.network.load_state_dict(self.validated.state_dict())

    def configure_optimizers(self) -> Any:
        optimizer = self.recipe.optimizer(list(self.parameter_groups()))
        self._steps_per_epoch = int(self.trainer.estimated_stepping_batches) // (
            self.trainer.max_epochs or 1
        )
        scale = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: self.recipe.schedule(step / self._steps_per_epoch, self.recipe.epochs),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scale, "interval": "step"}}

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        """The network's parameters, those that are not decayed apart."""
        parameters = list(self.network.parameters())
        if self.recipe.decay_norms:
            yield {"params": parameters}
            return
        # Norms and biases are vectors: to pull them to 0 does not regularise (He et al., Bag of
        # Tricks, arXiv 1812.01187).
        yield {"params": [each for each in parameters if each.ndim > 1]}
        yield {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["curve"] = [epoch.model_dump() for epoch in self.curve]
        checkpoint["measured"] = self.measured
        checkpoint["batch_norm_seconds"] = self.batch_norm_seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.curve = [Epoch.model_validate(epoch) for epoch in checkpoint["curve"]]
        self.measured = dict(checkpoint["measured"])
        if self.norms:
            # none in a file of an older version
            self.norms.seconds = checkpoint.get("batch_norm_seconds") or 0.0

    @property
    def seconds(self) -> float:
        """Wall time of the epochs that are over, validation included."""
        return sum(epoch.seconds for epoch in self.curve)

    @property
    def batch_norm_seconds(self) -> float | None:
        """Part of `seconds` in which batch norm's averages were taken anew."""
        return self.norms.seconds if self.norms else None


def _averaged(network: nn.Module, decay: float) -> "ModelEmaV3":
    from timm.utils.model_ema import ModelEmaV3  # takes a second to import, with all of timm

    average: ModelEmaV3 = ModelEmaV3(network, decay, use_warmup=True).train()
    return average
