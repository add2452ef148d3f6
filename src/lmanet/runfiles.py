"""The files of a run's folder through which its stages meet: lines of records, and the best network so far."""

import os
import shutil
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lmanet.errors import HistoryError
from lmanet.records import Record, TrainedNetwork

R = TypeVar("R", bound=Record)
FULL = "full.jsonl"
DISTILL = "distill.jsonl"
TEST = "test.jsonl"
STUDENT = "student.ckpt"


def read_records(path: Path, kind: type[R]) -> list[R]:
    """The records in a file, one a line; a last line that a kill cut off is not counted.

    Raises:
        HistoryError: a line is no such record.
    """
    if not path.is_file():
        return []
    records = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            records.append(kind.model_validate_json(line))
        except ValidationError as error:
            reason = error.errors()[0]["msg"].lower()
            raise HistoryError(
                f"{path}, line {number} is not a {kind.__name__} ({reason}); delete the line to have its work done again"
            ) from error
    return records


def append_record(path: Path, record: Record) -> None:
    """Add a line that stands whole or not at all, in place of one that a kill cut off."""
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(record.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def trained_networks(folder: Path) -> list[TrainedNetwork]:
    """All networks that were trained to the end, in the order of their training."""
    return read_records(folder / FULL, TrainedNetwork) + read_records(folder / DISTILL, TrainedNetwork)


def keep_student(folder: Path) -> TrainedNetwork:
    """Copy the network with the best validation accuracy to ``student.ckpt``; the later of two that are equal."""
    best = max(reversed(trained_networks(folder)), key=lambda network: network.score.val_accuracy)
    partial = folder / f"{STUDENT}.partial"
    shutil.copyfile(folder / best.checkpoint, partial)
    partial.replace(folder / STUDENT)
    return best
