"""Records in files: one a file as JSON, or one a line as JSON Lines."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lmanet.base import Record
from lmanet.errors import HistoryError
from lmanet.files import append_line, whole_lines, write_text
from lmanet.network import explain_validation

R = TypeVar("R", bound=Record)


def read_records(path: Path, kind: type[R]) -> list[R]:
    """The records in a file, one a line; none where there is no file.

    A last line that a crash cut off was never acknowledged, so it does not count.

    Raises:
        HistoryError: a whole line is no such record; the file is left as it is.
    """
    return [
        _parse(line, f"{path}, line {number}", kind)
        for number, line in enumerate(whole_lines(path), start=1)
    ]


def append_record(path: Path, record: Record) -> None:
    """Add a line and force it to the disk, in place of one that a crash cut off."""
    append_line(path, record.model_dump_json())


def read_record(path: Path, kind: type[R]) -> R:
    """The one record that a file holds.

    Raises:
        FileNotFoundError: there is no file.
        HistoryError: it holds something else.
    """
    return _parse(path.read_bytes(), str(path), kind)


def write_record(path: Path, record: Record) -> None:
    """Replace a file by one record; a crash leaves the old one or the new one."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def _parse(content: bytes, where: str, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        fault = explain_validation(error, most=1)
        raise HistoryError(
            f"{where} holds no {kind.__name__} ({fault}); nothing was changed: correct or remove "
            "it, then resume"
        ) from error
