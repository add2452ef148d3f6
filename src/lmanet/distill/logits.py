"""Where the logits of a teacher come from: looked up, or computed beside the training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lmanet.calls import Engine
from lmanet.distill.store import Asked, Compressed, LogitStore, compress, expand
from lmanet.distill.teacher import Ensemble, average
from lmanet.errors import ConfigError
from lmanet.network.images import normalise
from lmanet.steps import Batch, Fitter, ImageData

STORE = "teacher_logits"
BLOCK = 4096  # images that are averaged at once


class TeacherLogits(Protocol):
    """The logits of the teacher, for the batches of one training."""

    def __call__(self, batch: Batch) -> Tensor:
        """(N, classes), without a gradient; a constant of each image may be missing from them.

        Args:
            batch: normalised.
        """


class OnlineTeacher:
    """Computes them, in every epoch again. It holds the teacher, frozen, but is no module: no
    student's state has it.

    Args:
        teacher: from normalised images (N, 3, H, W) to logits (N, classes).
        bfloat16: multiply in bfloat16 on a CPU, too; on CUDA it always does.
    """

    def __init__(self, teacher: nn.Module, bfloat16: bool = False) -> None:
        # Channels last is the faster format of a CPU, as for training (docs/results.md).
        self.teacher = teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.bfloat16 = bfloat16

    def __call__(self, batch: Batch) -> Tensor:
        device = batch.images.device
        images = batch.images.contiguous(memory_format=torch.channels_last)
        enabled = self.bfloat16 or device.type == "cuda"
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            logits: Tensor = self.teacher.to(device)(images)
        return logits.float()


class StoredTeacher:
    """Logits looked up by view and image: no teacher is computed, and none is in memory.

    Args:
        teachers: the files of each, one a view, in their order; their probabilities are averaged.
    """

    def __init__(self, teachers: Sequence[Sequence[Path]], num_classes: int) -> None:
        views = [
            _averaged([load_file(file) for file in files], num_classes)
            for files in zip(*teachers, strict=True)
        ]
        images = 1 + max(int(indices.max()) for indices, _ in views)
        kept = views[0][1].classes.shape[1]
        # An image that a view left out is not a number: a training that asks for it does not go on
        # in silence.
        values = torch.full((len(views), images, kept + 1), torch.nan, dtype=torch.float16)
        classes = torch.zeros((len(views), images, kept), dtype=views[0][1].classes.dtype)
        for number, (indices, view) in enumerate(views):
            values[number, indices] = view.values
            classes[number, indices] = view.classes
        self.table = Compressed(values, classes)
        self.num_classes = num_classes

    def __call__(self, batch: Batch) -> Tensor:
        if self.table.values.device != batch.images.device:
            self.table = Compressed(*(column.to(batch.images.device) for column in self.table))
        return expand(
            Compressed(*(column[batch.view, batch.indices] for column in self.table)),
            self.num_classes,
        )


class LogitsOption(Protocol):
    """How a distillation comes by the teachers' logits."""

    def on(self, engine: Engine) -> "LogitsOption":
        """The same, where an engine computes what is computed ahead of the training."""

    def of(
        self,
        teachers: Sequence[nn.Module],
        data: ImageData,
        trainer: Fitter,
        seed: int,
        folder: Path,
    ) -> TeacherLogits:
        """Make ready for the training that ``trainer.fit`` does with that seed; ``folder`` is the
        run's.
        """


@dataclass(frozen=True)
class OnlineLogits:
    """The teachers are computed in every step: an epoch costs their time beside the student's;
    nothing is stored.
    """

    def on(self, engine: Engine) -> Self:
        return self

    def of(
        self,
        teachers: Sequence[nn.Module],
        data: ImageData,
        trainer: Fitter,
        seed: int,
        folder: Path,
    ) -> TeacherLogits:
        return OnlineTeacher(Ensemble(teachers))


@dataclass(frozen=True)
class StoredLogits:
    """Each teacher is computed once for each view of the recipe, ahead of the training; an epoch
    then costs that of a plain training.

    Epoch e is taught what the teachers say of view e modulo ``views``. Bytes on disk, for each
    teacher, and once on the device: ``views * images * (3 * top_k + 2)`` up to 256 classes, ``4 *
    top_k + 2`` above.

    Attributes:
        top_k: logits kept of each image. The rest shares the probability that is left, which is
            right as a whole at a kd_temperature of 1; a high one asks for the differences between
            unlikely classes, as do standardised logits and several teachers, so keep all of them
            where there are few hundred.
        folder: of the files, for several runs to share; None is ``teacher_logits`` in the run's.
        bfloat16: teachers multiply in bfloat16 on a CPU, too. Where it has AVX512-BF16 that takes
            well under half of the time, elsewhere it takes more.
        engine: computes the views that are missing, each in a worker; None is this process.
    """

    top_k: int = 32
    folder: str | None = None
    bfloat16: bool = False
    engine: Engine | None = None

    def on(self, engine: Engine) -> "StoredLogits":
        return replace(self, engine=engine)

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ConfigError(
                f"top_k={self.top_k} must be at least 1; correct distill.teacher.logits.top_k"
            )

    def of(
        self,
        teachers: Sequence[nn.Module],
        data: ImageData,
        trainer: Fitter,
        seed: int,
        folder: Path,
    ) -> TeacherLogits:
        how = f"{self.top_k} bfloat16" if self.bfloat16 else str(self.top_k)
        store = LogitStore(Path(self.folder or folder / STORE), self.top_k, how)
        asked = Asked(partial(ask, data, self.bfloat16), partial(trainer.batches, seed))
        files = store.fill(teachers, asked, trainer.views, self.engine)
        return StoredTeacher(files, data.num_classes)


def ask(data: ImageData, bfloat16: bool, teacher: nn.Module, batch: Batch) -> Tensor:
    """The logits of a teacher, for a batch that is not normalised."""
    images = normalise(batch.images, data.mean, data.std)
    return OnlineTeacher(teacher, bfloat16)(batch._replace(images=images))


def _averaged(said: Sequence[dict[str, Tensor]], num_classes: int) -> tuple[Tensor, Compressed]:
    """Indices of the images of a view, and the mean of what several teachers say of them."""
    indices = said[0]["indices"]
    kept = [Compressed(each["values"], each["classes"]) for each in said]
    if len(kept) == 1:
        return indices, kept[0]
    # all were asked of the same batches
    assert all(torch.equal(each["indices"], indices) for each in said)
    top_k = max(each.classes.shape[1] for each in kept)
    blocks = []
    for rows in torch.split(torch.arange(len(indices)), BLOCK):
        logits = [
            expand(Compressed(each.values[rows], each.classes[rows]), num_classes) for each in kept
        ]
        blocks.append(compress(average(logits), top_k))
    return indices, Compressed(*(torch.cat(column) for column in zip(*blocks, strict=True)))
