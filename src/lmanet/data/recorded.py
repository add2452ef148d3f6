"""RecordedModule: data that come from recordings, which are divided by recording or by subject."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from lmanet.base import Notice
from lmanet.data.faults import left_out_notices, sample
from lmanet.data.groups import Grouped, Recordings, divided
from lmanet.data.images import ImageSet
from lmanet.data.module import ImageModule, user_path
from lmanet.data.recording_folder import Recording, RecordingFolder
from lmanet.data.split import Split
from lmanet.errors import ConfigError

LEAST_STD = 1e-3  # of a channel that never changes


@runtime_checkable
class GroupedSet(ImageSet, Protocol):
    """An `ImageSet` that knows what of it must not be divided.

    Attributes:
        groups: int64 (N,).
    """

    groups: Tensor

    def subset(self, indices: Tensor) -> Self: ...


class GroupedModule(ImageModule):
    """Data whose members come from recordings, and are divided by those."""

    height: int  # known at once, unlike that of pictures
    width: int
    resizable = False

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        assert isinstance(images, GroupedSet)
        split = self.split
        first, second = divided(
            Grouped(images.labels, images.groups, self.classes), split.val_fraction, split.seed
        )
        return images.subset(split.reduce(images.labels, first)), images.subset(second)

    def setup(self, stage: str) -> None:
        super().setup("fit")
        seen = sample(self.train_images)
        self.mean, self.std = seen.mean, tuple(max(LEAST_STD, std) for std in seen.std)
        super().setup(stage)


class RecordedModule(GroupedModule):
    """What all data of one file a recording share.

    Args:
        root: folder of the recordings.
        suffixes: of files that count.
        recordings: classes and subjects.
        split: how the recordings that are not for test are divided.
    """

    def __init__(
        self, root: str | None, suffixes: Sequence[str], recordings: Recordings, split: Split
    ) -> None:
        super().__init__(split)
        if not root:
            raise ConfigError(
                "data.root is not set, and names the folder of your recordings; lay them out as "
                "root/<class>/<recording> and give data.root=/path/to/recordings"
            )
        self.root = user_path(root)
        self.recordings = recordings
        self.folder = RecordingFolder(self.root, suffixes, recordings)
        self.name = self.root.resolve().name
        self.classes = self.folder.classes
        self.num_classes = len(self.classes)

    @abstractmethod
    def read(self, recordings: Sequence[Recording]) -> GroupedSet:
        """What a network is to read of some recordings."""

    def part_of(self, name: str) -> list[Recording]:
        """The recordings of ``train``, ``val`` or ``test``."""
        return self.folder.part(name)

    def require_part(self, part: str) -> None:
        for name in ("train", "val") if part == "fit" else ("test",):
            self.folder.part(name)

    def read_train(self) -> GroupedSet:
        return self.read(self._shared(0))

    def read_test(self) -> GroupedSet:
        return self.read(self._shared(1))

    def divide(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        if "val" in self.folder.given_parts:
            train = self.split.reduce(images.labels, torch.arange(len(images)))
            return images.subset(train), self.read(self.part_of("val"))
        return super().divide(images)

    def find_notices(self) -> Iterator[Notice]:
        yield from super().find_notices()
        yield from left_out_notices(self.root, self.folder.left_out(), "recording")
        whose = self.recordings.subject
        divided_here = len(self.folder.given_parts) < 2
        if whose and divided_here and not self.folder.tells_subjects:
            text = (
                f"subject={whose!r} finds nobody in the path of any recording: one subject may be "
                "in training and test; correct data.recordings.subject, or set it to null."
            )
            yield Notice(kind="no_subjects", text=text)

    def fold(self, number: int, of: int) -> ImageModule:
        if "val" in self.folder.given_parts:
            raise ConfigError(
                f"folds={of}: {self.root} says which recordings validate; delete its folder val or "
                "its list, or set the recipe's folds to 1 (conf/train)"
            )
        return super().fold(number, of)

    def _shared(self, part: int) -> list[Recording]:
        """Recordings for training and validation (0), or for test (1)."""
        train = self.part_of("train")
        if "test" in self.folder.given_parts:
            return self.part_of("test") if part else train
        names = {name: number for number, name in enumerate(dict.fromkeys(r.group for r in train))}
        labels = torch.tensor([each.label for each in train])
        groups = torch.tensor([names[each.group] for each in train])
        fraction, seed = self.recordings.test_fraction, self.split.seed
        # what is left is divided once more, unless the data say what validates
        keep = 1 if "val" in self.folder.given_parts else 2
        parts = divided(Grouped(labels, groups, self.classes), fraction, seed, keep)
        return [train[index] for index in parts[part].tolist()]
