"""Stored logits of teachers: the largest of each image under each augmentation, in half precision,
computed once.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from lmanet.allocator import freed_memory_kept
from lmanet.calls import Call, Engine, run_calls
from lmanet.files import replaced
from lmanet.steps import Batch, Batches

log = logging.getLogger(__name__)
PARTS = 20  # into which a view is cut while it is computed: a kill loses one
REPORT_SECONDS = 60.0  # between two lines of progress


class Compressed(NamedTuple):
    """What is kept of a teacher's logits.

    Attributes:
        values: (..., k + 1), half precision: the k largest logarithms of probabilities, and what
            stands for each of the rest.
        classes: (..., k), of these values.
    """

    values: Tensor
    classes: Tensor


def compress(logits: Tensor, top_k: int) -> Compressed:
    """Keep the ``top_k`` largest of (N, classes) logits; the probability of the rest is spread
    evenly over the rest:

    ``log((1 - sum of the k largest p) / (classes - k))`` with ``p = softmax(logits)``.
    """
    log_p = functional.log_softmax(logits.float(), 1)
    k, num_classes = min(top_k, logits.shape[1]), logits.shape[1]
    values, classes = log_p.topk(k)
    # As a sum over the rest, for one minus a sum near one is lost to rounding
    # -inf of none
    rest = log_p.scatter(1, classes, -torch.inf).logsumexp(1, keepdim=True) - math.log(
        max(num_classes - k, 1)
    )
    return Compressed(
        torch.cat((values, rest), 1).half(),
        classes.to(torch.uint8 if num_classes <= 256 else torch.int16),
    )


def expand(compressed: Compressed, num_classes: int) -> Tensor:
    """Logits (N, classes) again, as logarithms of probabilities."""
    values = compressed.values.float()
    return (
        values[:, -1:].expand(-1, num_classes).scatter(1, compressed.classes.long(), values[:, :-1])
    )


class Asked(NamedTuple):
    """What teachers are asked, and of which images.

    Attributes:
        ask: the logits of a teacher, for a batch as ``batches`` gives it.
        batches: opens the training batches.
    """

    ask: Callable[[nn.Module, Batch], Tensor]
    batches: Callable[[], Batches]


class LogitStore:
    """Files of teachers' logits, one a teacher and view: ``FOLDER/KEY/view_000.safetensors``.

    The key is a hash of the teacher and its weights, and of every pixel of view 0 in the order of
    training: whatever decides what the teacher says - data, split, batch size, augmentation, seed,
    versions of libraries - shows in these. A teacher is stored alone, whoever it is averaged with,
    so that another teacher beside it costs that one alone. A kill loses a twentieth of a view of
    each teacher, and a training of more views needs only the new ones.

    Args:
        folder: of the files; several trainings may share it.
        top_k: logits kept of each image.
        how: they were computed and kept, in words for the key; empty is ``top_k`` alone.
    """

    def __init__(self, folder: Path, top_k: int, how: str = "") -> None:
        self.folder = folder
        self.top_k = top_k
        self.how = how or str(top_k)

    def fill(
        self,
        teachers: Sequence[nn.Module],
        asked: Asked,
        views: int,
        engine: Engine | None = None,
    ) -> list[list[Path]]:
        """The files of each teacher, one a view; those that are missing are computed.

        Args:
            engine: computes them, each in a worker; None is this process, all teachers at once.
        """
        batches = asked.batches()
        keys = self._keys(teachers, batches)
        # a teacher that is given twice is asked once
        members = dict(zip(keys, teachers, strict=True))
        files = {
            key: [self.folder / key / f"view_{view:03}.safetensors" for view in range(views)]
            for key in members
        }
        cut = math.ceil(len(batches) / PARTS)
        with _alone(sorted(each[0].parent for each in files.values())):
            rows = [
                [_View(files[key][view], members[key], cut) for key in members]
                for view in range(views)
            ]
            if engine:
                self._shared_out(rows, asked, engine)
            else:
                self._one_by_one(rows, asked, batches)
        return [files[key] for key in keys]

    def _one_by_one(
        self, rows: Sequence[Sequence["_View"]], asked: Asked, batches: Batches
    ) -> None:
        progress = _Progress(sum(view.missing(len(batches)) for row in rows for view in row))
        for number, row in enumerate(rows):
            if todo := [view for view in row if not _is_whole(view.file)]:
                self._write(todo, asked.ask, _view(batches, number), progress)
                _say_stored(number, rows)

    def _shared_out(self, rows: Sequence[Sequence["_View"]], asked: Asked, engine: Engine) -> None:
        """Each view of each teacher is a call: the teachers go to a worker once."""
        members = [view.teacher for view in rows[0]]
        shared = (self.top_k, asked, members)
        calls = [
            Call(
                number * len(row) + place,
                write_view,
                shared,
                (number, place, view.file, view.cut),
                (view.file, *map(view.part, range(PARTS))),
            )
            for number, row in enumerate(rows)
            for place, view in enumerate(row)
            if not _is_whole(view.file)
        ]
        with closing(engine):
            for returned in run_calls(engine, calls):
                returned.result()
                _say_stored(returned.number // len(members), rows)

    def _keys(self, teachers: Sequence[nn.Module], batches: Batches) -> list[str]:
        digests = []
        for teacher in teachers:
            digests.append(hashlib.sha256(f"{self.how} {teacher}".encode()))
            for name, tensor in teacher.state_dict().items():
                digests[-1].update(name.encode() + _bytes(tensor))
        for batch in _view(batches, 0):
            seen = _bytes(batch.indices) + _bytes(batch.images)
            for digest in digests:
                digest.update(seen)
        return [digest.hexdigest()[:16] for digest in digests]

    def _write(
        self,
        todo: Sequence["_View"],
        ask: Callable[[nn.Module, Batch], Tensor],
        batches: Iterable[Batch],
        progress: "_Progress",
    ) -> None:
        """Ask all teachers that have not said it yet of each batch, which is so augmented once."""
        with freed_memory_kept():
            for number, batch in enumerate(batches):
                for view in (each for each in todo if each.lacks(number)):
                    said = compress(ask(view.teacher, batch), self.top_k)
                    view.add(number, batch.indices, said)
                    progress.step()
        for view in todo:
            view.join()


def write_view(
    store: tuple[int, Asked, Sequence[nn.Module]], number: int, place: int, file: Path, cut: int
) -> None:
    """Compute what one teacher says of one view, on whichever machine.

    Args:
        store: logits that are kept of each image, what is asked, and the teachers.
        place: of the teacher among them.
        cut: batches a part of the file.
    """
    top_k, asked, teachers = store
    batches, view = asked.batches(), _View(file, teachers[place], cut)
    progress = _Progress(view.missing(len(batches)))
    LogitStore(file.parent, top_k)._write([view], asked.ask, _view(batches, number), progress)


class _View:
    """What one teacher says of one view: its file, and the parts of it while it is computed."""

    def __init__(self, file: Path, teacher: nn.Module, cut: int) -> None:
        self.file = file
        self.teacher = teacher
        self.cut = cut  # batches a part
        self._whole: dict[int, bool] = {}
        self._said: list[tuple[Tensor, Tensor, Tensor]] = []

    def lacks(self, number: int) -> bool:
        """Whether a batch is in no part on the disk."""
        part = number // self.cut
        if part not in self._whole:
            self._whole[part] = _is_whole(self.part(part))
        return not self._whole[part]

    def missing(self, batches: int) -> int:
        """Of so many batches those that are to be computed."""
        return 0 if _is_whole(self.file) else sum(self.lacks(number) for number in range(batches))

    def add(self, number: int, indices: Tensor, said: Compressed) -> None:
        """Take what was said of a batch; a part that it fills is written."""
        self._said.append((indices.cpu(), said.values.cpu(), said.classes.cpu()))
        if (number + 1) % self.cut == 0:
            self._flush(number // self.cut)

    def join(self) -> None:
        """Make the file of the parts."""
        if self._said:  # the last part may hold fewer
            self._flush(max(self._whole))
        files = [self.part(part) for part in sorted(self._whole)]
        parts = [load_file(file) for file in files]
        _save({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, self.file)
        for file in files:
            file.unlink()

    def _flush(self, part: int) -> None:
        indices, values, classes = (torch.cat(column) for column in zip(*self._said, strict=True))
        _save({"indices": indices, "values": values, "classes": classes}, self.part(part))
        self._said.clear()

    def part(self, part: int) -> Path:
        """The file of a part."""
        return self.file.with_suffix(f".{part:02}.part")


class _Progress:
    """Says now and then how much is done, and how long the rest will take.

    Args:
        total: batches to be computed, of all teachers and views.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.start = self.said = time.monotonic()

    def step(self) -> None:
        """A batch is done."""
        self.done += 1
        now = time.monotonic()
        if now - self.said < REPORT_SECONDS and self.done < self.total:
            return
        self.said = now
        minutes = (now - self.start) / self.done * (self.total - self.done) / 60
        log.info(
            "teacher's logits: %.0f %% computed, some %.0f minutes left",
            100 * self.done / self.total,
            minutes,
        )


def _say_stored(number: int, rows: Sequence[Sequence[_View]]) -> None:
    size = sum(view.file.stat().st_size for view in rows[number] if view.file.exists()) / 1e6
    log.info("teacher's logits of view %d/%d are stored: %.1f MB", number + 1, len(rows), size)


@contextmanager
def _alone(folders: Sequence[Path]) -> Iterator[None]:
    """Another run that shares these folders waits, and then finds what it wants."""
    with ExitStack() as locks:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "lock")
            try:
                locks.enter_context(lock.acquire(timeout=0))
            except Timeout:
                log.info(
                    "another run stores the same teacher's logits in %s; waiting for it", folder
                )
                locks.enter_context(lock.acquire())
        yield


def _view(batches: Batches, view: int) -> Iterator[Batch]:
    batches.set_epoch(view)
    return iter(batches)


def _is_whole(file: Path) -> bool:
    """Whether a file is there with all its bytes; one that was cut off is computed again."""
    if not file.is_file():
        return False
    try:
        with safe_open(file, "pt"):
            return True
    except (SafetensorError, OSError) as error:
        log.warning("%s is damaged (%s), so its logits are computed again", file, error)
        file.unlink()
        return False


def _save(tensors: dict[str, Tensor], file: Path) -> None:
    with replaced(file) as partial:  # under the lock of its folder
        # not save_file, whose error says nothing of a disk, and which keeps a file from other users
        partial.write_bytes(save(tensors))


def _bytes(tensor: Tensor) -> bytes:
    flat: np.ndarray = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return flat.tobytes()
