"""Augmentation of training images on their device: each image for itself, then the batch mixed."""

from dataclasses import dataclass

from torch import Tensor
from torchvision.transforms import v2

from lmanet.data.geometry import crop_and_flip, erase
from lmanet.data.policies import TRANSFORMS, policy
from lmanet.errors import ConfigError


@dataclass(frozen=True)
class Augment:
    """What is done to training images, drawn from torch's global random numbers of the CPU,
    whatever the device.

    The distribution is that of torchvision's transforms, one image at a time.

    Attributes:
        crop_padding: crop each image at random after so many black pixels were put around it; 0 is
            off.
        flip: mirror half of the images left to right.
        auto_augment: one of `policies.TRANSFORMS`, drawn for each image; None is off.
        random_erasing: probability that a rectangle of an image is made black.
        mixup_strength: MixUp's weight is drawn from Beta(strength, strength), once a batch (Zhang
            et al. 2018); 0 is off.
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
        if self.auto_augment is not None and self.auto_augment not in TRANSFORMS:
            raise ConfigError(
                f"auto_augment={self.auto_augment} is unknown; choose one of "
                f"{', '.join(TRANSFORMS)} or null in conf/train"
            )
        if not 0 <= self.random_erasing <= 1:
            raise ConfigError(
                f"random_erasing={self.random_erasing} is a probability, 0 to 1; correct it in "
                "conf/train"
            )
        if min(self.crop_padding, self.mixup_strength, self.cutmix_strength) < 0:
            raise ConfigError(
                "crop_padding, mixup_strength and cutmix_strength are 0 (off) or above; correct "
                "them in conf/train"
            )

    def each(self, images: Tensor) -> Tensor:
        if self.crop_padding or self.flip:
            images = crop_and_flip(images, self.crop_padding, self.flip)
        if self.auto_augment:
            self._require_colours(images.shape[1])
            drawn_from = policy(self.auto_augment, *images.shape[-2:])
            images = drawn_from.apply(images, drawn_from.draw(len(images)))
        if self.random_erasing:
            images = erase(images, self.random_erasing)
        return images

    def _require_colours(self, channels: int) -> None:
        if channels not in (1, 3):
            raise ConfigError(
                f"auto_augment={self.auto_augment} with inputs of {channels} channels: it changes "
                "the colours of pictures, of 1 or 3; set auto_augment to null in conf/train"
            )

    def mix(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        mixing = []
        if self.mixup_strength:
            mixing.append(v2.MixUp(alpha=self.mixup_strength))
        if self.cutmix_strength:
            mixing.append(v2.CutMix(alpha=self.cutmix_strength))
        return v2.RandomChoice(mixing)(images.float(), targets) if mixing else (images, targets)
