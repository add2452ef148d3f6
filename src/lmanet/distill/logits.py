"""Where the logits of a teacher come from: looked up, or computed beside the training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lmanet.distill.store import Compressed, LogitStore, expand
from lmanet.errors import ConfigError
from lmanet.space.images import normalise
from lmanet.steps import Batch, Fitter, ImageData

STORE = "teacher_logits"


class TeacherLogits(Protocol):
    """The logits of the teacher, for the batches of one training."""

    def __call__(self, batch: Batch) -> Tensor:
        """(N, classes), without a gradient; a constant of each image may be missing from them.

        Args:
            batch: normalised.
        """


class OnlineTeacher:
    """Computes them, in every epoch again. It holds the teacher, frozen, but is no module: no student's state has it.

    Args:
        teacher: from normalised images (N, 3, H, W) to logits (N, classes).
    """

    def __init__(self, teacher: nn.Module) -> None:
        self.teacher = teacher.eval().requires_grad_(False)

    def __call__(self, batch: Batch) -> Tensor:
        device = batch.images.device
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits: Tensor = self.teacher.to(device)(batch.images)
        return logits.float()


class StoredTeacher:
    """Logits looked up by view and image: no teacher is computed, and none is in memory.

    Args:
        files: one a view, in their order.
    """

    def __init__(self, files: list[Path], num_classes: int) -> None:
        views = [load_file(file) for file in files]
        images = 1 + max(int(view["indices"].max()) for view in views)
        kept = views[0]["classes"].shape[1]
        # An image that a view left out is not a number: a training that asks for it does not go on in silence.
        values = torch.full((len(views), images, kept + 1), torch.nan, dtype=torch.float16)
        classes = torch.zeros((len(views), images, kept), dtype=views[0]["classes"].dtype)
        for number, view in enumerate(views):
            values[number, view["indices"]] = view["values"]
            classes[number, view["indices"]] = view["classes"]
        self.table = Compressed(values, classes)
        self.num_classes = num_classes

    def __call__(self, batch: Batch) -> Tensor:
        if self.table.values.device != batch.images.device:
            self.table = Compressed(*(column.to(batch.images.device) for column in self.table))
        return expand(Compressed(*(column[batch.view, batch.indices] for column in self.table)), self.num_classes)


class LogitsOption(Protocol):
    """How a distillation comes by the teacher's logits."""

    def of(self, teacher: nn.Module, data: ImageData, trainer: Fitter, seed: int, folder: Path) -> TeacherLogits:
        """Make ready for the training that ``trainer.fit`` does with that seed; ``folder`` is the run's."""


@dataclass(frozen=True)
class OnlineLogits:
    """The teacher is computed in every step: an epoch costs the teacher's time beside the student's; nothing is stored."""

    def of(self, teacher: nn.Module, data: ImageData, trainer: Fitter, seed: int, folder: Path) -> TeacherLogits:
        return OnlineTeacher(teacher)


@dataclass(frozen=True)
class StoredLogits:
    """The teacher is computed once for each view of the recipe, ahead of the training; an epoch then costs that of a plain training.

    Bytes on disk and on the device: ``views * images * (3 * top_k + 2)`` up to 256 classes, ``4 * top_k + 2`` above.

    Attributes:
        top_k: logits kept of each image. The rest shares the probability that is left, which is right as a whole at a kd_temperature of 1;
            a high one asks for the differences between unlikely classes, so keep all of them where there are few hundred.
        folder: of the files, for several runs to share; None is ``teacher_logits`` in the run's.
    """

    top_k: int = 32
    folder: str | None = None

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ConfigError(f"top_k={self.top_k} must be at least 1; correct distill.teacher.logits.top_k")

    def of(self, teacher: nn.Module, data: ImageData, trainer: Fitter, seed: int, folder: Path) -> TeacherLogits:
        online = OnlineTeacher(teacher)

        def logits(batch: Batch) -> Tensor:
            return online(batch._replace(images=normalise(batch.images, data.mean, data.std)))

        store = LogitStore(Path(self.folder or folder / STORE), self.top_k)
        files = store.fill(teacher, logits, trainer.batches(seed), trainer.views)
        return StoredTeacher(files, data.num_classes)
