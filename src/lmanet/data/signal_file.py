"""A recording of sensors as numbers (channels, time): CSV, NPY, or the .ts files of time series."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import DataError

SUFFIXES = (".csv", ".npy")
MOST_CHANNELS = 256
Series = NDArray[np.float32]


class Case(NamedTuple):
    """One series of a .ts file."""

    series: Series
    label: str


def read_signal(path: Path, columns: Sequence[str] | None = None) -> Series:
    """All values of a recording, float32 (channels, time).

    Args:
        path: CSV with a line a moment, or NPY with a row a channel.
        columns: of a CSV with a header, in this order; None takes all.

    Raises:
        DataError: it cannot be read, a column is missing, or a value is missing or not finite.
    """
    series = _from_npy(path) if path.suffix.lower() == ".npy" else _from_csv(path, columns)
    if not series.size:
        raise DataError(f"{path} has no values; record it again or delete it")
    if not np.isfinite(series).all():
        channel, moment = np.argwhere(~np.isfinite(series))[0].tolist()
        raise DataError(
            f"{path}: the value of channel {channel} at moment {moment} (from 0) is missing or not "
            "finite; fill the gap, or cut the recording there"
        )
    return series


def read_ts(path: Path) -> list[Case]:
    """The series of a .ts file, as aeon and the archive of time series have them.

    Raises:
        DataError: there is no such file, or a line of it is no series with a class.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); download it again") from error
    starts = [number for number, line in enumerate(lines) if line.strip().lower() == "@data"]
    if not starts:
        raise DataError(f"{path} has no line @data; it is no .ts file of time series")
    numbered = enumerate(lines[starts[0] + 1 :], starts[0] + 2)
    return [_case(path, number, line) for number, line in numbered if line.strip()]


def _case(path: Path, number: int, line: str) -> Case:
    *channels, label = line.strip().split(":")
    try:
        rows = [np.array(channel.split(","), np.float32) for channel in channels]
    except ValueError as error:
        raise DataError(
            f"{path}, line {number}: {error}; each value must be a number, and none may be missing"
        ) from error
    if not rows or len({len(row) for row in rows}) > 1:
        raise DataError(
            f"{path}, line {number} has channels of {sorted({len(row) for row in rows})} values; "
            "all channels of a series are equally long"
        )
    series = np.stack(rows)
    if not np.isfinite(series).all():
        raise DataError(
            f"{path}, line {number} has a value that is not finite; take the series out"
        )
    return Case(series, label)


def _from_npy(path: Path) -> Series:
    try:
        values = np.load(path, allow_pickle=False)
        values = np.atleast_2d(values.astype(np.float32))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); save numbers with numpy.save") from error
    if values.ndim != 2 or len(values) > MOST_CHANNELS:
        raise DataError(
            f"{path} has the shape {values.shape}; a recording is channels x time, with at most "
            f"{MOST_CHANNELS} channels: transpose it"
        )
    return values


def _from_csv(path: Path, columns: Sequence[str] | None) -> Series:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error}); save it as CSV in UTF-8") from error
    if not rows:
        return np.zeros((0, 0), np.float32)
    header = None if _numbers(rows[0]) else [name.strip() for name in rows[0]]
    chosen = _chosen(path, header, columns, len(rows[0]))
    table = []
    for number, row in enumerate(rows[bool(header) :], 1 + bool(header)):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{path}, row {number} has {len(row)} columns and the first has {len(rows[0])}; "
                "each row needs as many"
            )
        values = _numbers([row[place] for place in chosen])
        if values is None:
            raise DataError(
                f"{path}, row {number} has a value that is missing or no number; fill the gap, or "
                "name the columns to read in data.columns"
            )
        table.append(values)
    return np.array(table, np.float32).T


def _chosen(
    path: Path, header: Sequence[str] | None, columns: Sequence[str] | None, count: int
) -> list[int]:
    if columns is None:
        return list(range(count))
    if header is None:
        raise DataError(
            f"{path} has no header, and data.columns={list(columns)} names columns; add a first "
            "row with names, or set data.columns=null"
        )
    if missing := [name for name in columns if name not in header]:
        raise DataError(
            f"{path} has no column {missing[0]!r}; it has {', '.join(header[:12])}; correct "
            "data.columns, or the file"
        )
    return [header.index(name) for name in columns]


def _numbers(row: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in row]
    except ValueError:
        return None
