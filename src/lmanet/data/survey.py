"""What an image folder holds, found out before a run: counts, sizes, broken files."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lmanet.base import Notice
from lmanet.data.decode import read_image
from lmanet.data.faults import class_notices, copy_notices, count_notices, left_out_notices
from lmanet.data.image_folder import ImageFolder
from lmanet.data.images import FileImages
from lmanet.data.unlabelled import Photos
from lmanet.errors import DataError, first_of

MOST_LOOKED_AT = 2000  # pictures that are decoded
SECONDS = 20.0  # for that; large pictures take long
SHOWN = 3


class Found(NamedTuple):
    """What a folder holds.

    Attributes:
        counts: class -> pictures to train and validate on.
        parts: ``train``, ``val``, ``test`` -> pictures.
        given: the parts that have a folder of their own.
        looked_at: pictures that were decoded, spread over all.
        sides: shorter sides of those, pixels: smallest, median, largest.
        grey: share of those that are grey, 0 to 1.
        broken: files among them that cannot be read.
        why: what is wrong with the first of these, in a sentence.
        notices: what is off.
        unlabelled: pictures without a label, beside the parts.
    """

    counts: Mapping[str, int]
    parts: Mapping[str, int]
    given: tuple[str, ...]
    looked_at: int
    sides: tuple[int, int, int]
    grey: float
    broken: tuple[Path, ...]
    notices: tuple[Notice, ...]
    unlabelled: int = 0
    why: str = ""

    @property
    def smallest(self) -> str:
        """The class with the fewest pictures."""
        return min(self.counts, key=self.counts.__getitem__)

    @property
    def largest(self) -> str:
        """The class with the most pictures."""
        return max(self.counts, key=self.counts.__getitem__)


def survey(data: ImageFolder, seconds: float = SECONDS) -> Found:
    """Look at a folder; each file is read once for its digest, and some are decoded.

    Args:
        seconds: after which no further picture is decoded; of those without labels as long again.

    Raises:
        DataError: a file cannot be opened.
    """
    parts = {name: _files(data, name) for name in ("train", "val", "test")}
    paths = [path for images in parts.values() for path in images.paths]
    sides, grey, broken = _looks(paths, seconds)
    unlabelled = _unlabelled(data)
    more_sides, _, more_broken = _looks(unlabelled, seconds)
    broken |= more_broken
    divided = [parts["train"], *([] if "val" in data.given_parts else [parts["val"]])]
    labels = torch.cat([images.labels for images in divided])
    counts = torch.bincount(labels, minlength=data.num_classes).tolist()
    shorter = np.array(sides or [0])
    return Found(
        counts=dict(zip(data.classes, counts, strict=True)),
        parts={name: len(images) for name, images in parts.items()},
        given=data.given_parts,
        looked_at=len(sides) + len(more_sides) + len(broken),
        sides=(int(shorter.min()), int(np.median(shorter)), int(shorter.max())),
        grey=grey / max(1, len(sides)),
        broken=tuple(sorted(broken)),
        why=broken[min(broken)] if broken else "",
        notices=tuple(_notices(data, parts)),
        unlabelled=len(unlabelled),
    )


def refuse_broken(found: Found) -> None:
    """Raises `DataError` that names files which cannot be read: each would end a run later."""
    if not found.broken:
        return
    if len(found.broken) == 1:
        raise DataError(found.why)
    names = first_of(list(map(str, found.broken)), SHOWN)
    raise DataError(
        f"{len(found.broken)} of {found.looked_at} pictures looked at cannot be read: {names}; "
        f"repair them or take them out of the folder. Of the first: {found.why}"
    )


def _files(data: ImageFolder, part: str) -> FileImages:
    images = data.given(part)
    assert isinstance(images, FileImages)
    return images


def _unlabelled(data: ImageFolder) -> tuple[Path, ...]:
    """Files that a distillation reads, hours after the start."""
    if isinstance(data, Photos) and data.unlabelled:
        return tuple(data.read_unlabelled().paths)
    return ()


def _looks(paths: Sequence[Path], seconds: float) -> tuple[list[int], int, dict[Path, str]]:
    """Shorter sides, the number of grey pictures, and why files cannot be read."""
    end = time.monotonic() + seconds
    sides: list[int] = []
    broken: dict[Path, str] = {}
    grey = 0
    # in an order drawn once: where time runs out, those seen are still spread over all
    for place in np.random.default_rng(0).permutation(len(paths))[:MOST_LOOKED_AT].tolist():
        if time.monotonic() > end and sides:
            break
        try:
            pixels = read_image(paths[place])
        except DataError as error:
            broken[paths[place]] = str(error)
            continue
        sides.append(min(pixels.shape[:2]))
        grey += bool((pixels == pixels[:, :, :1]).all())
    return sides, grey, broken


def _notices(data: ImageFolder, parts: Mapping[str, FileImages]) -> list[Notice]:
    left_out = [path for listing in data.listings() for path in listing.left_out]
    counts = torch.bincount(parts["train"].labels, minlength=data.num_classes).tolist()
    measured = {"validation": len(parts["val"]), "test": len(parts["test"])}
    digests = {name: data.part(name) for name in parts}
    return [
        *left_out_notices(data.root, left_out),
        *class_notices(data.classes),
        *count_notices(dict(zip(data.classes, counts, strict=True)), measured),
        *copy_notices(digests, data.classes),
    ]
