"""Augmentation of a training batch: each image on its own, then the batch mixed."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from lmanet.errors import ConfigError

POLICIES = {
    "cifar10": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "imagenet": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET),
    "svhn": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.SVHN),
    "randaugment": v2.RandAugment,
    "trivial_wide": v2.TrivialAugmentWide,
}


@dataclass(frozen=True)
class Augment:
    """What is done to the images of a training batch, drawn from torch's global random numbers.

    Attributes:
        crop_padding: crop each image at random after so many black pixels were put around it; 0 is off.
        flip: mirror half of the images left to right.
        auto_augment: one of `POLICIES`, drawn for each image; None is off.
        random_erasing: probability that a rectangle of an image is made black.
        mixup_strength: MixUp's weight is drawn from Beta(strength, strength), once a batch (Zhang et al. 2018); 0 is off.
        cutmix_strength: the same of CutMix (Yun et al. 2019), where the weight is the area kept.
            With both on, each takes half of the batches.
    """

    crop_padding: int = 0
    flip: bool = False
    auto_augment: str | None = None
    random_erasing: float = 0.0
    mixup_strength: float = 0.0
    cutmix_strength: float = 0.0

    def __post_init__(self) -> None:
        if self.auto_augment is not None and self.auto_augment not in POLICIES:
            raise ConfigError(f"auto_augment={self.auto_augment} is unknown; choose one of {', '.join(POLICIES)} or null in conf/train")
        if not 0 <= self.random_erasing <= 1:
            raise ConfigError(f"random_erasing={self.random_erasing} is a probability, 0 to 1; correct it in conf/train")
        if min(self.crop_padding, self.mixup_strength, self.cutmix_strength) < 0:
            raise ConfigError("crop_padding, mixup_strength and cutmix_strength are 0 (off) or above; correct them in conf/train")

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Augment a batch; the one given is left as it is.

        Args:
            images: uint8 (N, 3, H, W).
            targets: (N, classes), probabilities.

        Returns:
            images, uint8 or, where they were mixed, float32 of the same range, and targets.
        """
        if each := self._per_image(images.shape[-2:]):
            transform = v2.Compose(each)
            images = torch.stack([transform(image) for image in images])
        if mixing := self._per_batch():
            images, targets = v2.RandomChoice(mixing)(images.float(), targets)
        return images, targets

    def _per_image(self, size: torch.Size) -> list[v2.Transform]:
        steps = []
        if self.crop_padding:
            steps.append(v2.RandomCrop(tuple(size), padding=self.crop_padding))
        if self.flip:
            steps.append(v2.RandomHorizontalFlip())
        if self.auto_augment:
            steps.append(POLICIES[self.auto_augment]())
        if self.random_erasing:
            steps.append(v2.RandomErasing(self.random_erasing))
        return steps

    def _per_batch(self) -> list[v2.Transform]:
        mixing = []
        if self.mixup_strength:
            mixing.append(v2.MixUp(alpha=self.mixup_strength))
        if self.cutmix_strength:
            mixing.append(v2.CutMix(alpha=self.cutmix_strength))
        return mixing
