"""A trained network with the validation images that it is examined on."""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from lmanet.network.build import Block, Network
from lmanet.network.images import fit, normalise
from lmanet.network.weights import Checkpoint
from lmanet.steps import ImageData

BATCH = 64


class Subject:
    """A trained network on the device that computes it, and the validation images as it reads them.

    Args:
        data: its validation images are open.
    """

    def __init__(self, checkpoint: Checkpoint, data: ImageData) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Network = checkpoint.network.to(self.device)
        self.network.to(memory_format=torch.channels_last)
        self.classes = checkpoint.classes
        self.mean, self.std = checkpoint.mean, checkpoint.std
        self.data = data

    @property
    def labels(self) -> Tensor:
        """Of all validation images (N,)."""
        return self._outcome[0]

    @property
    def probabilities(self) -> Tensor:
        """What the network says of all validation images (N, classes)."""
        return self._outcome[1]

    @property
    def predicted(self) -> Tensor:
        """The most probable class of all validation images (N,)."""
        return self.probabilities.argmax(dim=1)

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Counts, a row a true class, a column a predicted one."""
        count = len(self.classes)
        cells = torch.bincount(self.labels * count + self.predicted, minlength=count**2)
        return tuple(tuple(row) for row in cells.view(count, count).tolist())

    def spread(self, most: int) -> list[int]:
        """Numbers of ``most`` validation images, or of all, at equal distances through the set."""
        count = min(most, len(self.labels))
        return [place * len(self.labels) // count for place in range(count)]

    def chosen(self, numbers: Collection[int]) -> Iterator[Tensor]:
        """Batches of the images with these numbers, in the order of the set, as the network reads
        them.
        """
        start, wanted = 0, torch.tensor(sorted(numbers), device=self.device)
        for pixels, _ in self._pixels():
            here = wanted[(wanted >= start) & (wanted < start + len(pixels))] - start
            if len(here):
                yield self._read(pixels[here])
            start += len(pixels)

    @cached_property
    def _outcome(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            found = [
                (labels, self.network(self._read(pixels)).softmax(dim=1))
                for pixels, labels in self._pixels()
            ]
        labels, probabilities = zip(*found, strict=True)
        return torch.cat(labels), torch.cat(probabilities)

    def _pixels(self) -> Iterable[tuple[Tensor, Tensor]]:
        return self.data.val_dataloader(BATCH, self.device)

    def _read(self, pixels: Tensor) -> Tensor:
        images = normalise(fit(pixels, self.network.architecture.size), self.mean, self.std)
        return images.contiguous(memory_format=torch.channels_last)


def parts(network: Network) -> list[Block]:
    """The modules of a network, one a part of its graph."""
    return cast(list[Block], list(network))
