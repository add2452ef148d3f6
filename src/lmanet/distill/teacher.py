"""Teacher: a network brought to the pixels and the classes of the data, or several that are
averaged.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.base import Notice
from lmanet.errors import ConfigError
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.images import fit
from lmanet.steps import ImageData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """How a teacher reads an image.

    Attributes:
        mean, std: of each RGB channel, for pixels in 0..1.
        resolution: height and width, pixels, or one number for both.
        bicubic: resized as timm's models are; else as networks of ours are.
    """

    mean: Sequence[float]
    std: Sequence[float]
    resolution: int | tuple[int, int]
    bicubic: bool = False


class Order(NamedTuple):
    """How the classes of a teacher meet those of the data.

    Attributes:
        places: for each class of the data its place among the teacher's; None is the same order.
        notices: where they could not be compared by name.
    """

    places: tuple[int, ...] | None = None
    notices: tuple[Notice, ...] = ()


class Teacher(nn.Module):
    """A network that takes the images as the data module normalises them.

    (N, 3, H, W) of any size -> logits (N, classes), in the order of the data's classes.

    Args:
        model: from images as `reading` says to logits.
        data: whose normalisation is undone, for the model has its own.
        order: of the model's classes.
    """

    scale: Tensor
    shift: Tensor
    order: Tensor | None

    def __init__(
        self, model: nn.Module, data: ImageData, reading: Reading, order: Order | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.notices = order.notices if order else ()
        side = reading.resolution
        self.size = (side, side) if isinstance(side, int) else side
        self.bicubic = reading.bicubic
        # (x * std + mean - own_mean) / own_std as one product and one sum
        own_mean, own_std = torch.tensor(tuple(reading.mean)), torch.tensor(tuple(reading.std))
        if len(data.std) not in (1, len(own_std)):
            raise ConfigError(
                f"{data.name} has {len(data.std)} channels, and the teacher reads {len(own_std)}; "
                "take another teacher (distill.teacher), or data that it can read (data.channels)"
            )
        # one channel of the data becomes all of the teacher's
        self.register_buffer("scale", (torch.tensor(data.std) / own_std).view(-1, 1, 1))
        shift = (torch.tensor(data.mean) - own_mean) / own_std
        self.register_buffer("shift", shift.view(-1, 1, 1))
        places = torch.tensor(order.places) if order and order.places else None
        self.register_buffer("order", places, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(self._resized(images * self.scale + self.shift))
        return logits if self.order is None else logits[:, self.order]

    def _resized(self, images: Tensor) -> Tensor:
        if images.shape[-2:] == self.size:
            return images
        if not self.bicubic:
            return fit(images, self.size)
        shrinking = min(self.size) < min(images.shape[-2:])
        return functional.interpolate(images, self.size, mode="bicubic", antialias=shrinking)

    def extra_repr(self) -> str:
        # The key of stored logits holds it, so it names whatever decides what the teacher says.
        height, width = self.size
        words = [f"resolution={height if height == width else self.size}"]
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


def class_order(teacher: str, classes: Sequence[str] | None, data: ImageData) -> Order:
    """How the classes of a teacher meet the data's, by name.

    Args:
        classes: the teacher's, which may be more than the data's; None is as many without names.

    Raises:
        ConfigError: the teacher does not know a class.
    """
    names = classes or list(map(str, range(data.num_classes)))
    if len(names) == data.num_classes:
        match = match_classes(
            ClassNames(f"teacher {teacher}", names), ClassNames(data.name, data.classes)
        )
        return Order(None if match.is_identity else match.places, match.notices)
    places = {name: place for place, name in enumerate(names)}
    if unknown := [name for name in data.classes if name not in places]:
        raise ConfigError(
            f"teacher {teacher} does not know {len(unknown)} of {data.num_classes} classes of "
            f"{data.name}, such as {unknown[0]!r}; choose a teacher of these classes "
            "(distill.teacher), or the data that it was trained on (data=)"
        )
    return Order(tuple(places[name] for name in data.classes))
