"""Teacher: a network brought to the pixels and the classes of the data, or several that are averaged."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError
from lmanet.space.classes import ClassNames, match_classes
from lmanet.space.images import fit
from lmanet.steps import ImageData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """How a teacher reads an image.

    Attributes:
        mean, std: of each RGB channel, for pixels in 0..1.
        resolution: height and width, pixels.
        bicubic: resized as timm's models are; else as networks of ours are.
    """

    mean: Sequence[float]
    std: Sequence[float]
    resolution: int
    bicubic: bool = False


class Teacher(nn.Module):
    """A network that takes the images as the data module normalises them.

    (N, 3, H, W) of any size -> logits (N, classes), in the order of the data's classes.

    Args:
        model: from images as `reading` says to logits.
        data: whose normalisation is undone, for the model has its own.
        order: for each class of the data its place among the model's; None is the same order.
    """

    scale: Tensor
    shift: Tensor
    order: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        data: ImageData,
        reading: Reading,
        order: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.resolution = reading.resolution
        self.bicubic = reading.bicubic
        # (x * std + mean - own_mean) / own_std as one product and one sum
        own_mean, own_std = torch.tensor(tuple(reading.mean)), torch.tensor(tuple(reading.std))
        self.register_buffer("scale", (torch.tensor(data.std) / own_std).view(3, 1, 1))
        shift = (torch.tensor(data.mean) - own_mean) / own_std
        self.register_buffer("shift", shift.view(3, 1, 1))
        places = None if order is None else torch.tensor(order)
        self.register_buffer("order", places, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(self._resized(images * self.scale + self.shift))
        return logits if self.order is None else logits[:, self.order]

    def _resized(self, images: Tensor) -> Tensor:
        size = (self.resolution, self.resolution)
        if images.shape[-2:] == size:
            return images
        if not self.bicubic:
            return fit(images, self.resolution)
        shrinking = self.resolution < min(images.shape[-2:])
        return functional.interpolate(images, size, mode="bicubic", antialias=shrinking)

    def extra_repr(self) -> str:
        # The key of stored logits holds it, so it names whatever decides what the teacher says.
        words = [f"resolution={self.resolution}"]
        words += [] if self.bicubic else ["resized as our networks are"]
        words += [] if self.order is None else [f"order={self.order.tolist()}"]
        return ", ".join(words)


class Ensemble(nn.Module):
    """Several teachers as one: the mean of their probabilities, see `average`."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return average([member(images) for member in self.members])


def average(logits: Sequence[Tensor]) -> Tensor:
    """Logits of the mean of the probabilities: ``log(mean of softmax(l))``, temperature 1.

    One alone stays as it is.

    Args:
        logits: (N, classes) each.
    """
    if len(logits) == 1:
        return logits[0]
    log_p = torch.stack([functional.log_softmax(each.float(), 1) for each in logits])
    return log_p.logsumexp(0) - math.log(len(logits))


def class_order(teacher: str, classes: Sequence[str], data: ImageData) -> list[int] | None:
    """For each class of the data its place among the teacher's, by name; None where both agree.

    A teacher may know more classes than the data; one of as many is compared as any network is.

    Raises:
        ConfigError: the teacher does not know a class.
    """
    if len(classes) == data.num_classes:
        match = match_classes(ClassNames(f"teacher {teacher}", classes), ClassNames(data.name, data.classes))
        for notice in match.notices:
            log.warning("%s", notice.text)
        return None if match.is_identity else list(match.places)
    places = {name: place for place, name in enumerate(classes)}
    if unknown := [name for name in data.classes if name not in places]:
        raise ConfigError(
            f"teacher {teacher} does not know {len(unknown)} of {data.num_classes} classes of "
            f"{data.name}, such as {unknown[0]!r}; choose a teacher of these classes "
            "(distill.teacher), or the data that it was trained on (data=)"
        )
    return [places[name] for name in data.classes]
