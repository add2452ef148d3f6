"""What may be off about the images of a data set: each a `Notice` with counts, none an error."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from scipy.stats import binomtest

from lmanet.base import Notice
from lmanet.data.decode import NOT_READ
from lmanet.data.images import ImageSet

MOST_SAMPLED = 2000  # images that are looked at for mean, deviation and blank pictures
LEAST_DEVIATION = 2 / 255  # of a channel over all pixels; white noise has 74 of these levels
FEW = 100  # images to measure by
IMBALANCE = 10  # images of the largest class for one of the smallest
SHOWN = 3  # names in a notice


class Part(NamedTuple):
    """One part of a data set for comparison: digest and label of each image."""

    digests: Sequence[bytes]
    labels: Sequence[int]


class Sample(NamedTuple):
    """What evenly spaced images show.

    Attributes:
        images: looked at.
        mean, std: of each channel over all pixels, for pixels in 0..1.
        blank: images of one colour alone.
    """

    images: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    blank: int


def sample(images: ImageSet) -> Sample:
    """Look at `MOST_SAMPLED` images at most, evenly spaced."""
    indices = range(0, len(images), -(-len(images) // MOST_SAMPLED))
    total, squares = torch.zeros(2, len(images[0][0]), dtype=torch.int64)
    count = blank = 0
    for index in indices:
        pixels = images[index][0].flatten(1).long()  # sums of integers: exact, in any order
        total += pixels.sum(1)
        squares += (pixels**2).sum(1)
        count += pixels.shape[1]
        blank += bool((pixels == pixels[:, :1]).all())
    mean = total.double() / count
    variance = (squares.double() - total.double() * mean) / max(1, count - 1)
    std = variance.clamp(min=0).sqrt()
    return Sample(len(indices), _channels(mean), _channels(std), blank)


def pixel_notices(seen: Sample) -> Iterator[Notice]:
    """Pictures that show nothing."""
    if max(seen.std) < LEAST_DEVIATION:
        text = (
            f"The pixels of the images do not vary: their deviation is {255 * max(seen.std):.1f} "
            "of 255 levels. No network can learn from them; look at the files and their depth."
        )
        yield Notice(kind="constant_pixels", text=text)
    elif seen.blank:
        verb = "is" if seen.blank == 1 else "are"
        text = (
            f"{seen.blank} of {seen.images} images {verb} of one colour throughout; look at the "
            "files."
        )
        yield Notice(kind="blank_images", text=text)


def resolution_of(images: int) -> float:
    """The smallest difference of two shares that so many images can show, 0 to 1: half the 95 %
    interval (Wilson) of an accuracy of one half, where it is widest.
    """
    interval = binomtest(images // 2, images).proportion_ci(method="wilson")
    return float(interval.high - interval.low) / 2


def count_notices(train: Mapping[str, int], measured: Mapping[str, int]) -> Iterator[Notice]:
    """Too few images to measure by, or too unequal classes.

    Args:
        train: class -> training images.
        measured: ``validation`` and ``test`` -> number of images.
    """
    for part, images in measured.items():
        if 0 < images < FEW:
            text = (
                f"There are only {images} {part} images: one of them is "
                f"{100 / images:.1f} points of accuracy, "
                f"and differences below {100 * resolution_of(images):.0f} points mean nothing."
            )
            yield Notice(kind=f"few_{part}_images", text=text)
    most, least = max(train, key=train.__getitem__), min(train, key=train.__getitem__)
    if train[most] >= IMBALANCE * train[least]:
        text = (
            f"The class {most} has {train[most]} training images and {least} has {train[least]}: "
            "accuracy says little of small classes; look at macro F1."
        )
        yield Notice(kind="imbalance", text=text)


def class_notices(classes: Sequence[str]) -> Iterator[Notice]:
    """Classes whose names look alike."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[" ".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    for names in alike.values():
        if len(names) > 1:
            text = (
                f"The classes {' and '.join(map(repr, names))} differ in case, spaces or the "
                "form of letters alone; if they are one, put their images into one folder."
            )
            yield Notice(kind="alike_classes", text=text)


def copy_notices(parts: Mapping[str, Part], classes: Sequence[str]) -> Iterator[Notice]:
    """Images that stand in two parts, or in two classes.

    Args:
        parts: ``train``, ``val`` and, where it could be looked at, ``test``.
    """
    train, val = set(parts["train"].digests), set(parts["val"].digests)
    if copies := _copies(parts["val"], train):
        yield _leak("validation", copies, len(parts["val"].digests), "a training image")
    if "test" in parts and (copies := _copies(parts["test"], train | val)):
        yield _leak("test", copies, len(parts["test"].digests), "a training or validation image")
    homes: dict[bytes, set[int]] = defaultdict(set)
    for part in parts.values():
        for digest, label in zip(part.digests, part.labels, strict=True):
            homes[digest].add(label)
    if doubtful := [sorted(labels) for labels in homes.values() if len(labels) > 1]:
        first = " and ".join(classes[label] for label in doubtful[0])
        verb = "image stands" if len(doubtful) == 1 else "images stand"
        text = (
            f"{len(doubtful)} {verb} in more than one class, the first in {first}; keep each in "
            "one."
        )
        yield Notice(kind="two_classes", text=text)


def left_out_notices(
    root: Path, left_out: Sequence[Path], what: str = "picture"
) -> Iterator[Notice]:
    """Files and folders that are no pictures, or no recordings: not ``what`` is wanted."""
    unread = [path for path in left_out if path.suffix.lower() in NOT_READ]
    if unread and what == "picture":
        names = ", ".join(str(path.relative_to(root)) for path in unread[:SHOWN])
        many, verb = ("s", "are") if len(unread) > 1 else ("", "is")
        text = (
            f"{len(unread)} picture{many} in {root.name} {verb} of a kind that is not read, and "
            f"{verb} left out, such as {names}; save as JPEG."
        )
        yield Notice(kind="not_read", text=text)
        left_out = [path for path in left_out if path not in unread]
    if left_out:
        names = ", ".join(str(path.relative_to(root)) for path in left_out[:SHOWN])
        given = f"{len(left_out)} entries" if len(left_out) > 1 else "One entry"
        verb = f"are no {what}s and are" if len(left_out) > 1 else f"is no {what} and is"
        which = f"such as {names}" if len(left_out) > SHOWN else names
        yield Notice(kind="left_out", text=f"{given} in {root.name} {verb} left out: {which}.")


def _copies(part: Part, others: set[bytes]) -> int:
    return sum(digest in others for digest in part.digests)


def _leak(part: str, copies: int, images: int, what: str) -> Notice:
    verb = "equals" if copies == 1 else "equal"
    text = (
        f"{copies} of {images} {part} images {verb} {what}, byte for byte: the accuracy on {part} "
        f"images may be up to {100 * copies / images:.3g} points too high."
    )
    return Notice(kind=f"{part}_copies", text=text)


def _channels(values: torch.Tensor) -> tuple[float, ...]:
    return tuple(value / 255 for value in values.tolist())
