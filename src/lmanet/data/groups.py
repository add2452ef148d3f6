"""Sets whose members come from recordings: what comes from one recording, or from one subject,
stays on one side of every split.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmanet.data.images import MemoryImages
from lmanet.errors import ConfigError, DataError

TRIES = 200  # drawings of subjects before a split counts as impossible


@dataclass(frozen=True)
class Recordings:
    """What of a folder of recordings counts as a class, and what is kept together.

    Attributes:
        classes: names of class folders; the recordings of all others are the class ``unknown``.
            None takes every folder as a class of its own.
        subject: a regular expression whose first group, in the path below ``root``, names whoever
            was recorded. Recordings of one subject are never divided. None keeps together what
            is of one file.
        test_fraction: share of the recordings for test, where there is neither a folder nor a list
            of them.
        unknown_fraction: most recordings of the class ``unknown`` in a part, for each other one in
            it; a few of all others are drawn. None takes them all.
    """

    classes: Sequence[str] | None = None
    subject: str | None = None
    test_fraction: float = 0.15
    unknown_fraction: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.test_fraction < 1:
            raise ConfigError(
                f"test_fraction={self.test_fraction} must lie between 0 and 1; correct "
                "data.recordings.test_fraction"
            )
        share = self.unknown_fraction
        if share is not None and (share <= 0 or self.classes is None):
            raise ConfigError(
                f"unknown_fraction={share} must be above 0, and needs the classes that are not "
                "unknown; correct data.recordings.unknown_fraction or set data.recordings.classes"
            )
        try:
            groups = re.compile(self.subject or "()").groups
        except re.error as error:
            raise ConfigError(self._bad_subject(str(error))) from error
        if groups < 1:
            raise ConfigError(self._bad_subject("it has no group"))

    def group(self, path: str) -> str:
        """Subject of a recording, or its path where none is asked for or found."""
        return self.subject_of(path) or path

    def subject_of(self, path: str) -> str | None:
        """Whoever was recorded; None where none is asked for or found."""
        found = re.search(self.subject, path) if self.subject else None
        return found[1] or None if found else None

    def _bad_subject(self, why: str) -> str:
        return (
            f"subject={self.subject!r} ({why}) must be a regular expression with a group, such as "
            "'([^/]+)_[0-9]+' for anna_03.csv; correct data.recordings.subject"
        )


class GroupedImages(MemoryImages):
    """Images in memory, each of a recording or a subject.

    Args:
        groups: int64 (N,), the same number for what must not be divided.
    """

    def __init__(self, images: Tensor, labels: Tensor, groups: Tensor) -> None:
        super().__init__(images, labels)
        self.groups = groups

    def subset(self, indices: Tensor) -> "GroupedImages":
        return GroupedImages(self.images[indices], self.labels[indices], self.groups[indices])

    def to(self, device: torch.device) -> "GroupedImages":
        return GroupedImages(self.images.to(device), self.labels.to(device), self.groups)

    def __getstate__(self) -> dict[str, NDArray[np.generic]]:
        return super().__getstate__() | {"groups": self.groups.numpy()}

    def __setstate__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.groups = torch.from_numpy(arrays.pop("groups").copy())
        super().__setstate__(arrays)


def numbered(names: Sequence[str]) -> Tensor:
    """int64 (N,): the same number for the same name."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([numbers[name] for name in names], dtype=torch.int64)


class Grouped(NamedTuple):
    """What is divided by groups.

    Attributes:
        labels, groups: (N,).
        classes: names of the labels, for messages.
    """

    labels: Tensor
    groups: Tensor
    classes: Sequence[str]


def divided(whole: Grouped, fraction: float, seed: int, keep: int = 1) -> tuple[Tensor, Tensor]:
    """Indices of two parts; each group stands in one, and each class in both.

    Args:
        fraction: share of the groups for the second part, rounded to whole groups.
        keep: groups of each class that the first part needs.

    Raises:
        DataError: the groups do not suffice for it.
    """
    labels, groups, classes = whole
    of_class = [set(groups[labels == label].tolist()) for label in range(int(labels.max()) + 1)]
    for name, members in zip(classes, of_class, strict=False):
        if 0 < len(members) <= keep:
            recordings = "1 recording" if len(members) == 1 else f"{len(members)} recordings"
            raise DataError(
                f"the class {name} has {recordings} to be divided, and at least {keep + 1} are "
                "needed, as each part needs one; record more (those of one subject count as one: "
                "data.recordings.subject)"
            )
    rng = np.random.default_rng(seed)
    pure = sum(map(len, of_class)) == len(set(groups.tolist()))
    for _ in range(1 if pure else TRIES):
        second = _drawn(of_class, fraction, rng, keep) if pure else _any(groups, fraction, rng)
        if all(
            members & second and len(members - second) >= keep for members in of_class if members
        ):
            chosen = torch.tensor([group in second for group in groups.tolist()])
            return (~chosen).nonzero().flatten(), chosen.nonzero().flatten()
    raise DataError(
        f"{len(set(groups.tolist()))} subjects cannot be divided so that each class is on both "
        "sides; record more (what counts as a subject: data.recordings.subject)"
    )


def _drawn(
    of_class: Sequence[set[int]], fraction: float, rng: np.random.Generator, keep: int
) -> set[int]:
    """Groups of one class each, in proportion to the classes."""
    chosen: set[int] = set()
    for members in filter(None, of_class):
        count = max(1, min(round(fraction * len(members)), len(members) - keep))
        chosen.update(rng.permutation(sorted(members))[:count].tolist())
    return chosen


def _any(groups: Tensor, fraction: float, rng: np.random.Generator) -> set[int]:
    known = sorted(set(groups.tolist()))
    count = max(1, min(round(fraction * len(known)), len(known) - 1))
    return set(rng.permutation(known)[:count].tolist())


def require_memory(needed: int, limit: int, what: str, cure: str) -> None:
    """Raise `DataError` where ``what`` takes more than ``limit`` bytes of memory.

    Args:
        needed: bytes.
        cure: what can be done, and where.
    """
    if needed > limit:
        raise DataError(
            f"{what} take {needed / 1e9:.1f} GB of memory, and at most {limit / 1e9:g} are allowed;"
            f" {cure}"
        )
