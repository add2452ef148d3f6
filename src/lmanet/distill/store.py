"""Stored logits of a teacher: the largest of each image under each augmentation, in half precision, computed once."""

import hashlib
import logging
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from lmanet.steps import Batch, Batches

log = logging.getLogger(__name__)


class Compressed(NamedTuple):
    """What is kept of a teacher's logits.

    Attributes:
        values: (..., k + 1), half precision: the k largest logarithms of probabilities, and what stands for each of the rest.
        classes: (..., k), of these values.
    """

    values: Tensor
    classes: Tensor


def compress(logits: Tensor, top_k: int) -> Compressed:
    """Keep the ``top_k`` largest of (N, classes) logits; the probability of the rest is spread evenly over the rest:

    ``log((1 - sum of the k largest p) / (classes - k))`` with ``p = softmax(logits)``.
    """
    log_p = functional.log_softmax(logits.float(), 1)
    k, num_classes = min(top_k, logits.shape[1]), logits.shape[1]
    values, classes = log_p.topk(k)
    # As a sum over the rest, for one minus a sum near one is lost to rounding
    rest = log_p.scatter(1, classes, -torch.inf).logsumexp(1, keepdim=True) - math.log(max(num_classes - k, 1))  # -inf of none
    return Compressed(torch.cat((values, rest), 1).half(), classes.to(torch.uint8 if num_classes <= 256 else torch.int16))


def expand(compressed: Compressed, num_classes: int) -> Tensor:
    """Logits (N, classes) again, as logarithms of probabilities."""
    values = compressed.values.float()
    return values[:, -1:].expand(-1, num_classes).scatter(1, compressed.classes.long(), values[:, :-1])


class LogitStore:
    """Files of a teacher's logits, one a view: ``FOLDER/KEY/view_000.safetensors``.

    The key is a hash of the teacher and its weights, and of every pixel of view 0 in the order of training: whatever decides what the
    teacher says - data, split, batch size, augmentation, seed, versions of libraries - shows in these. A view is written when it is whole,
    so that a kill loses one view, and a training of more views needs only the new ones.

    Args:
        folder: of the files; several trainings may share it.
        top_k: logits kept of each image.
    """

    def __init__(self, folder: Path, top_k: int) -> None:
        self.folder = folder
        self.top_k = top_k

    def fill(self, teacher: nn.Module, logits: Callable[[Batch], Tensor], batches: Batches, views: int) -> list[Path]:
        """The files of all views; those that are missing are computed.

        Args:
            logits: of the teacher, for a batch as ``batches`` gives it.
        """
        key = self._key(teacher, batches)
        files = [self.folder / key / f"view_{view:03}.safetensors" for view in range(views)]
        files[0].parent.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(files):
            if not file.is_file():
                self._write(logits, _view(batches, number), file)
                log.info("teacher's logits of view %d/%d are stored: %.1f MB", number + 1, views, file.stat().st_size / 1e6)
        return files

    def _key(self, teacher: nn.Module, batches: Batches) -> str:
        digest = hashlib.sha256(f"{self.top_k} {teacher}".encode())
        for name, tensor in teacher.state_dict().items():
            digest.update(name.encode() + _bytes(tensor))
        for batch in _view(batches, 0):
            digest.update(_bytes(batch.indices) + _bytes(batch.images))
        return digest.hexdigest()[:16]

    def _write(self, logits: Callable[[Batch], Tensor], batches: Iterator[Batch], file: Path) -> None:
        parts = [(batch.indices, *compress(logits(batch), self.top_k)) for batch in batches]
        indices, values, classes = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
        partial = file.with_suffix(f".{os.getpid()}.partial")
        save_file({"indices": indices, "values": values, "classes": classes}, partial)
        partial.replace(file)


def _view(batches: Batches, view: int) -> Iterator[Batch]:
    batches.set_epoch(view)
    return iter(batches)


def _bytes(tensor: Tensor) -> bytes:
    flat: np.ndarray = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return flat.tobytes()
