"""Own images beside pictures that nobody has labelled, which a teacher can speak of."""

from collections.abc import Iterator

import torch

from lmanet.base import Notice
from lmanet.data.decode import picture_suffixes
from lmanet.data.image_folder import ImageFolder, Loading
from lmanet.data.images import FileImages, ImageSet
from lmanet.data.listing import is_picture
from lmanet.data.module import ImageModule, user_path
from lmanet.data.split import Split
from lmanet.errors import ConfigError, DataError

NO_LABEL = -1


class Photos(ImageFolder):
    """An `ImageFolder` that may have pictures without labels, which a distillation learns from.

    Args:
        unlabelled: folder of further pictures, searched with all folders in it; None is none.
    """

    def __init__(  # noqa: PLR0913 each is a key of conf/data
        self,
        root: str | None,
        resolution: int,
        unlabelled: str | None = None,
        split: Split | None = None,
        loading: Loading | None = None,
        channels: int = 3,
        width: int | None = None,
    ) -> None:
        super().__init__(
            root, resolution, split=split, loading=loading, channels=channels, width=width
        )
        self.unlabelled = user_path(unlabelled) if unlabelled else None
        if self.unlabelled and not self.unlabelled.is_dir():
            raise ConfigError(
                f"data.unlabelled={unlabelled}: there is no such folder; name one with pictures, "
                "or null"
            )

    def require_part(self, part: str) -> None:
        super().require_part(part)
        if self.unlabelled and part == "fit":
            self.read_unlabelled()

    def read_unlabelled(self) -> FileImages:
        """The pictures without labels; none of them is opened.

        Raises:
            DataError: there is none.
        """
        assert self.unlabelled
        suffixes = picture_suffixes()
        found = sorted(path for path in self.unlabelled.rglob("*") if is_picture(path, suffixes))
        if not found:
            raise DataError(
                f"data.unlabelled={self.unlabelled} has no picture; put some there, or set it to "
                "null"
            )
        labels = torch.full((len(found),), NO_LABEL)
        return FileImages(found, labels, self.shape, self.loading.num_workers)

    def taught(self) -> ImageModule:
        """These data with the pictures without labels among those to train on."""
        return Taught(self) if self.unlabelled else self

    def find_notices(self) -> Iterator[Notice]:
        yield from super().find_notices()
        if not self.unlabelled:
            return
        known = set(self.read_unlabelled().digests())
        for part in ("val", "test"):
            copies = sum(digest in known for digest in self.part(part).digests)
            if copies:
                yield Notice(
                    kind="unlabelled_copies",
                    text=f"{copies} {part} images are also in {self.unlabelled}, byte for byte: a "
                    f"student that is taught on them may be measured too high; take them out.",
                )


class Taught(ImageModule):
    """Data whose training images are followed by pictures without labels.

    Their targets are all 0, so that labels say nothing of them, and a teacher all.

    Args:
        whole: the data, divided and normalised as ever.
    """

    def __init__(self, whole: Photos) -> None:
        super().__init__(whole.split)
        self.whole = whole
        self.name, self.description = whole.name, whole.description
        self.num_classes, self.classes = whole.num_classes, whole.classes
        self.channels, self.height, self.width = whole.shape

    def setup(self, stage: str) -> None:
        self.whole.setup(stage)
        if stage in ("fit", "validate") and "train" not in self._sets:
            self.mean, self.std = self.whole.mean, self.whole.std
            together = self.read_train()
            self._sets["train"] = self.whole.keep(together, "training and unlabelled")
            self._sets["val"] = self.whole.val_images

    def read_train(self) -> FileImages:
        labelled, more = self.whole.given("train"), self.whole.read_unlabelled()
        assert isinstance(labelled, FileImages)
        labels = torch.cat((labelled.labels, more.labels))
        return FileImages(
            (*labelled.paths, *more.paths),
            labels,
            more.shape,
            more.num_workers,
            (*labelled.stamps, *more.stamps),
        )

    def read_test(self) -> ImageSet:
        return self.whole.read_test()

    @property
    def class_counts(self) -> dict[str, int]:
        return self.whole.class_counts

    def given(self, part: str) -> ImageSet:
        return self.read_train() if part == "train" else self.whole.given(part)
