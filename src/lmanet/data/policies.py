"""AutoAugment, RandAugment and TrivialAugment for many images at once: drawn for each image, done
for all that drew the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

TRANSFORMS: dict[str, Callable[[], Any]] = {
    "cifar10": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "imagenet": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET),
    "svhn": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.SVHN),
    "randaugment": v2.RandAugment,
    "trivial_wide": v2.TrivialAugmentWide,
}
AUTO_AUGMENT_BINS = (
    10  # magnitudes of an operation in the policies of AutoAugment (Cubuk et al. 2019, section 3)
)
Action = tuple[str, float]
Row = tuple[str, float, int | None]


@dataclass(frozen=True)
class Policy:
    """What may happen to an image, in stages one after the other.

    Attributes:
        transform: of torchvision, which has the operations.
        actions: operation and magnitude with its sign; the first one does nothing.
        codes: (stages, rows, 2), number of the action of a row, with the magnitude as it is and
            negated; a row is drawn uniformly.
        probabilities: (stages, rows), of doing what the row says.
        is_tied: the stages share one draw of the row.
    """

    transform: Any
    actions: tuple[Action, ...]
    codes: Tensor
    probabilities: Tensor
    is_tied: bool

    def draw(self, count: int) -> Tensor:
        """Number of the action in each stage for each of ``count`` images,
        int64 (stages, count).
        """
        stages, rows = self.probabilities.shape
        row = torch.randint(rows, (1 if self.is_tied else stages, count)).expand(stages, count)
        stage = torch.arange(stages)[:, None]
        is_negated = (torch.rand(stages, count) <= 0.5).long()
        is_done = torch.rand(stages, count) <= self.probabilities[stage, row]
        return torch.where(is_done, self.codes[stage, row, is_negated], 0)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Do what was drawn, an action at a time: the images stand in the order of their actions
        meanwhile.

        Args:
            images: uint8 (N, 3, H, W).
            drawn: (stages, N), of `draw`, on the CPU, so that no device is waited for.
        """
        origin = torch.arange(len(images))
        for stage in drawn:
            codes, order = stage[origin].sort(stable=True)
            origin = origin[order]
            images = images[order.to(images.device, non_blocking=True)]
            counts = torch.bincount(codes, minlength=len(self.actions)).tolist()
            for action, group in zip(
                self.actions[1:], torch.split(images, counts)[1:], strict=True
            ):
                if len(group):
                    group.copy_(self.act(action, group))
        return images[origin.argsort().to(images.device, non_blocking=True)]

    def act(self, action: Action, images: Tensor) -> Tensor:
        """One action on all images."""
        done: Tensor = self.transform._apply_image_or_video_transform(
            images, *action, interpolation=self.transform.interpolation, fill=self.transform._fill
        )
        return done


@cache
def policy(name: str, height: int, width: int) -> Policy:
    """One of `TRANSFORMS`, from torchvision's own tables, for images of a size in pixels: it says
    how far they are moved.
    """
    transform = TRANSFORMS[name]()
    stages, bins = _stages(transform)
    space = {
        operation: (magnitudes(bins, height, width), is_signed)
        for operation, (magnitudes, is_signed) in transform._AUGMENTATION_SPACE.items()
    }
    numbers: dict[Action, int] = {("Identity", 0.0): 0}

    def codes(operation: str, level: int | None) -> list[int]:
        magnitudes, is_signed = space[operation]
        magnitude = 0.0 if magnitudes is None else float(magnitudes[level])
        return [
            numbers.setdefault((operation, m), len(numbers))
            for m in (magnitude, -magnitude if is_signed else magnitude)
        ]

    return Policy(
        transform=transform,
        codes=torch.tensor(
            [[codes(operation, level) for operation, _, level in stage] for stage in stages]
        ),
        probabilities=torch.tensor(
            [[probability for _, probability, _ in stage] for stage in stages]
        ),
        actions=tuple(numbers),
        is_tied=isinstance(transform, v2.AutoAugment),
    )


def _stages(transform: Any) -> tuple[Sequence[Sequence[Row]], int]:
    """Rows (operation, probability, level of the magnitude) of each stage, and the number of
    levels.
    """
    if isinstance(transform, v2.AutoAugment):
        return tuple(zip(*transform._policies, strict=True)), AUTO_AUGMENT_BINS
    bins: int = transform.num_magnitude_bins
    levels = [transform.magnitude] if isinstance(transform, v2.RandAugment) else range(bins)
    rows = [
        (operation, 1.0, level) for operation in transform._AUGMENTATION_SPACE for level in levels
    ]
    return [rows] * (transform.num_ops if isinstance(transform, v2.RandAugment) else 1), bins
