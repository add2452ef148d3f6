"""Whether a person is in a picture: Visual Wake Words and Wake Vision, as downloaded."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lmanet.data.faults import sample
from lmanet.data.image_folder import Loading
from lmanet.data.images import FileImages, ImageSet, stamp_of
from lmanet.data.module import ImageModule, user_path
from lmanet.data.split import Split
from lmanet.errors import ConfigError, DataError

CLASSES = ("no_person", "person")
# What the scripts write: pyvww's annotations of COCO, and the tables of Wake Vision.
ANNOTATIONS = {"train": "instances_train.json", "test": "instances_val.json"}
TABLES = {
    "train": ("wake_vision_train_quality.csv", "wake_vision_train_large.csv"),
    "test": ("wake_vision_test.csv",),
}
FIX = (
    "make it by the data set's own script (Visual Wake Words: pyvww; Wake Vision: its tables and "
    "images), or lay pictures out as root/person and root/no_person and take data=image_folder"
)
FOLDERS_WITHIN = 2  # levels below root where pictures may lie


class VisualWakeWords(ImageModule):
    """Pictures with and without a person, named by an annotation file.

    Args:
        root: has ``annotations/instances_train.json`` and ``instances_val.json`` of Visual Wake
            Words, or the CSV tables of Wake Vision; pictures are in it or in folders below.
        resolution: height and width, pixels, that the centre of each picture is resized to.
        channels: 3 for red, green and blue; 1 reads colour in grey.
        split: how training pictures are divided.

    Raises:
        ConfigError: a setting is missing.
        DataError: there is no annotation file.
    """

    name = "visual_wake_words"
    description = "photographs in which a person is to be seen, or none"
    classes = CLASSES
    num_classes = 2

    def __init__(
        self,
        root: str | None,
        resolution: int = 96,
        channels: int = 3,
        split: Split | None = None,
        loading: Loading | None = None,
    ) -> None:
        super().__init__(split or Split())
        if not root:
            raise ConfigError(f"data.root is not set, and names the folder of the data; {FIX}")
        if channels not in (1, 3):
            raise ConfigError(
                f"channels={channels} must be 3 (colour) or 1 (grey); correct data.channels"
            )
        self.root = user_path(root)
        self.channels, self.height, self.width = channels, resolution, resolution
        self.loading = loading or Loading()
        self._annotated("train")

    def require_part(self, part: str) -> None:
        self._annotated("train" if part == "fit" else "test")

    def read_train(self) -> FileImages:
        return self._files("train")

    def read_test(self) -> FileImages:
        return self._files("test")

    def keep(self, images: ImageSet, part: str) -> ImageSet:
        """In memory where they fit, else in their files."""
        assert isinstance(images, FileImages)
        fits = len(images) * images.image_bytes <= self.loading.max_memory_bytes
        return images.load() if fits else images

    def given(self, part: str) -> ImageSet:
        if part == "test":
            return self.read_test()
        train, val = self.divide(self.read_train())
        return train if part == "train" else val

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "test":
            seen = sample(self.train_images)
            self.mean, self.std = seen.mean, tuple(max(each, 1e-3) for each in seen.std)

    def _annotated(self, part: str) -> Path:
        """The annotation file of ``train`` or ``test``."""
        names = (f"annotations/{ANNOTATIONS[part]}", ANNOTATIONS[part], *TABLES[part])
        for name in names:
            if (self.root / name).is_file():
                return self.root / name
        raise DataError(f"{self.root} has none of {', '.join(names)}; {FIX}")

    def _files(self, part: str) -> FileImages:
        file = self._annotated(part)
        labels = _of_coco(file) if file.suffix == ".json" else _of_table(file)
        known = self._pictures()
        missing = [name for name in labels if name not in known]
        if missing:
            raise DataError(
                f"{file} names {len(missing)} pictures that are not below {self.root}, such as "
                f"{missing[0]}; unpack all pictures there"
            )
        if len(set(labels.values())) < 2:
            raise DataError(f"{file} names pictures of one class alone; both are needed")
        paths = [known[name] for name in labels]
        return FileImages(
            paths,
            torch.tensor([*labels.values()]),
            self.shape,
            self.loading.num_workers,
            [stamp_of(path) for path in paths],
        )

    def _pictures(self) -> Mapping[str, Path]:
        """Every file near the root, by its name: those of the data sets are unique."""
        levels = ["*/" * level + "*" for level in range(FOLDERS_WITHIN + 1)]
        return {
            path.name: path
            for level in levels
            for path in self.root.glob(level)
            if path.suffix.lower() in (".jpg", ".jpeg", ".png")
        }


def _of_coco(file: Path) -> dict[str, int]:
    """Name of each picture -> whether an annotation of a person belongs to it."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        names = {image["id"]: Path(str(image["file_name"])).name for image in content["images"]}
        found = dict.fromkeys(names.values(), 0)
        for annotation in content["annotations"]:
            found[names[annotation["image_id"]]] |= int(annotation["category_id"] == 1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} is no annotation file of Visual Wake Words ({error!r}); {FIX}"
        ) from error
    return found


def _of_table(file: Path) -> dict[str, int]:
    """Name of each picture -> its column ``person``."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as table:
            return {
                Path(row["filename"]).name: int(float(row["person"]) > 0)
                for row in csv.DictReader(table)
            }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is no table of Wake Vision ({error!r}); {FIX}") from error
