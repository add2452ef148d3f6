"""The usual pipeline, to compare ours with: what a project begun from lightning-hydra-template
would write, settings and all.

Images are augmented one by one by torchvision's transforms in a DataLoader with two workers;
precision, memory format and logging are the defaults of torch and Lightning. Network, recipe and
loss are those that it is given.
"""

import tempfile
import time
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchvision import transforms

from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule
from lmanet.train import Recipe


class PilImages(Dataset[tuple[Tensor, int]]):
    """As torchvision's CIFAR100: a PIL image, transformed, and its label."""

    def __init__(self, images: MemoryImages, transform: transforms.Compose) -> None:
        self.pixels = images.images.permute(0, 2, 3, 1).cpu().numpy()
        self.labels = images.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


class Module(lightning.LightningModule):
    """A LightningModule with the metrics and logs of the template."""

    def __init__(
        self, network: nn.Module, num_classes: int, recipe: Recipe, steps_per_epoch: int
    ) -> None:
        super().__init__()
        self.network, self.recipe, self.steps_per_epoch = network, recipe, steps_per_epoch
        self.criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        self.train_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.val_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.train_loss, self.val_loss = MeanMetric(), MeanMetric()
        self.curve: list[float] = []  # validation accuracy, of 1
        self.began = 0.0  # and the end of each epoch: time.monotonic()
        self.ends: list[float] = []

    def on_train_start(self) -> None:
        self.began = time.monotonic()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        logits = self.network(batch[0])
        loss: Tensor = self.criterion(logits, batch[1])
        self.train_loss(loss)
        self.train_accuracy(logits.argmax(1), batch[1])
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train/accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        logits = self.network(batch[0])
        self.val_loss(self.criterion(logits, batch[1]))
        self.val_accuracy(logits.argmax(1), batch[1])
        self.log("val/loss", self.val_loss, on_step=False, on_epoch=True)
        self.log("val/accuracy", self.val_accuracy, on_step=False, on_epoch=True)

    def on_validation_epoch_end(self) -> None:
        self.curve.append(float(self.val_accuracy.compute()))
        self.ends.append(time.monotonic())

    def configure_optimizers(self) -> Any:
        optimizer = self.recipe.optimizer(self.network.parameters())
        steps, recipe = self.steps_per_epoch, self.recipe
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: recipe.schedule(step / steps, recipe.epochs)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def train(
    network: nn.Module, data: ImageModule, recipe: Recipe, seed: int, epochs: int | None = None
) -> Module:
    """Train a network by a recipe whose augmentation is crop, flip and AutoAugment, whatever it
    says; what came of it is in the module.
    """
    lightning.seed_everything(seed, verbose=False)
    data.setup("fit")
    pixels = [transforms.ToTensor(), transforms.Normalize(data.mean, data.std)]
    policy = transforms.AutoAugment(transforms.AutoAugmentPolicy.CIFAR10)
    size = data.train_images.images.shape[-1]
    augment = [transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip(), policy]
    training = PilImages(data.train_images, transforms.Compose([*augment, *pixels]))
    validation = PilImages(data.val_images, transforms.Compose(pixels))
    loaders = [
        DataLoader(training, recipe.batch_size, shuffle=True, drop_last=True, num_workers=2),
        DataLoader(validation, recipe.batch_size, num_workers=2),
    ]
    module = Module(network, data.num_classes, recipe, len(loaders[0]))
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            max_epochs=epochs or recipe.epochs,
            accelerator=recipe.accelerator,
            devices=1,
            logger=CSVLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, *loaders)
    return module
