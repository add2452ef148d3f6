"""NoImages: in place of a data module where a table knows every training, and no image is looked
at.
"""

import hashlib
from typing import TYPE_CHECKING, Any, NoReturn

from lmanet.base import Notice
from lmanet.errors import DataError
from lmanet.steps import Augmentation

if TYPE_CHECKING:
    import torch


class NoImages:
    """Says what the images of the table's trainings were, and has none.

    Args:
        name: of the data set, short.
        description: what the images are, in words, for a prompt.
        num_classes: of the data set.
        checksum_text: says which table it is; trials of two tables cannot be compared.
    """

    classes: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    mean = std = (0.0, 0.0, 0.0)

    def __init__(self, name: str, description: str, num_classes: int, checksum_text: str) -> None:
        self.name = name
        self.description = description
        self.num_classes = num_classes
        self.checksum_text = checksum_text

    def setup(self, stage: str) -> None:
        pass  # there is nothing to open

    def train_dataloader(
        self,
        batch_size: int,
        seed: int,
        device: "torch.device",
        augment: Augmentation | None = None,
        views: int | None = None,
    ) -> Any:
        self._refuse()

    def val_dataloader(self, batch_size: int, device: "torch.device", frames: bool = False) -> Any:
        self._refuse()

    def test_dataloader(self, batch_size: int, device: "torch.device", frames: bool = False) -> Any:
        self._refuse()

    def checksum(self) -> str:
        return hashlib.sha256(self.checksum_text.encode()).hexdigest()

    def _refuse(self) -> NoReturn:
        raise DataError(
            f"{self.name} is a table of trainings without images; take a data set that has them to "
            "train on (conf/data)"
        )
