"""The files of a run's folder through which its stages meet: records, safe against a crash at any
moment.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from lmanet.base import Notice, Record
from lmanet.errors import HistoryError
from lmanet.network import explain_validation
from lmanet.run.records import Trial
from lmanet.run.results import TrainedNetwork

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Record)
HISTORY = "history.jsonl"
FRONT = "front.json"
FULL = "full.jsonl"
DISTILL = "distill.jsonl"
TEACHER = "teacher.json"
MEASURED = "measured.jsonl"
DEPLOY = "deploy.jsonl"
TEST = "test.jsonl"
EXAMINATION = "examination.json"
RULES = "rules.json"
PROVENANCE = "provenance.jsonl"
NOTICES = "notices.jsonl"
OPTUNA_JOURNAL = "optuna_journal.log"
STUDENT = "student.ckpt"


def read_records(path: Path, kind: type[R]) -> list[R]:
    """The records in a file, one a line; none where there is no file.

    A last line without its newline is what a crash leaves behind: it was never acknowledged, so it
    does not count.

    Raises:
        HistoryError: a whole line is no such record; the file is left as it is.
    """
    # not splitlines(): a model's reply may hold U+2028, which JSON leaves as it is
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [
        _parse(line, f"{path}, line {number}", kind) for number, line in enumerate(lines, start=1)
    ]


def read_trials(folder: Path) -> list[Trial]:
    """The trials of a run as they ended last: of several lines with one number the last one counts,
    in its place.
    """
    last: dict[int, Trial] = {}
    for trial in read_records(folder / HISTORY, Trial):
        last.pop(trial.number, None)
        last[trial.number] = trial
    return list(last.values())


def append_record(path: Path, record: Record) -> None:
    """Add a line and force it to the disk, in place of one that a crash cut off."""
    with path.open("a+b") as file:
        _drop_torn_line(file)
        file.write(record.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_record(path: Path, kind: type[R]) -> R:
    """The one record that a file holds.

    Raises:
        FileNotFoundError: there is no file.
        HistoryError: it holds something else.
    """
    return _parse(path.read_bytes(), str(path), kind)


def write_record(path: Path, record: Record) -> None:
    """Replace a file by one record; a crash leaves the old one or the new one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def say_notices(folder: Path, notices: Iterable[Notice]) -> None:
    """Say on the terminal what is off, and keep it in ``notices.jsonl`` for the report; each text
    once in a run.
    """
    said = {notice.text for notice in read_records(folder / NOTICES, Notice)}
    for notice in notices:
        if notice.text not in said:
            said.add(notice.text)
            log.warning("%s", notice.text)
            append_record(folder / NOTICES, notice)


def by_these_settings(recorded: str, settings_id: str) -> bool:
    """Whether a line of a file was made by the settings at hand; one that does not say by which
    counts as such.
    """
    return settings_id in (recorded, "") or not recorded


def trained_networks(folder: Path) -> list[TrainedNetwork]:
    """All networks that were trained to the end, in the order of their training."""
    return read_records(folder / FULL, TrainedNetwork) + read_records(
        folder / DISTILL, TrainedNetwork
    )


def ranked(networks: Sequence[TrainedNetwork]) -> list[TrainedNetwork]:
    """The best by validation accuracy first; of two that are equal the later, which may have been
    trained on from the other.
    """
    return sorted(networks, key=lambda network: network.score.val_accuracy)[::-1]


def keep_student(folder: Path) -> TrainedNetwork:
    """Copy the best network to ``student.ckpt``."""
    best = ranked(trained_networks(folder))[0]
    partial = folder / f"{STUDENT}.partial"
    shutil.copyfile(folder / best.checkpoint, partial)
    partial.replace(folder / STUDENT)
    return best


def _parse(content: bytes, where: str, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        fault = explain_validation(error, most=1)
        raise HistoryError(
            f"{where} holds no {kind.__name__} ({fault}); nothing was changed: "
            "correct or remove it, then resume"
        ) from error


def _drop_torn_line(file: BinaryIO) -> None:
    if size := file.seek(0, SEEK_END):
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
