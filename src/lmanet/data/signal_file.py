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
REAL = "biuf"  # kinds of NumPy types that are real numbers
OTHER_MARKS = {";": "semicolons", "\t": "tabs"}  # that some programs write between columns
SHOWN = 20  # characters of a value in a message
Series = NDArray[np.float32]


class Case(NamedTuple):
    """One series of a .ts file."""

    series: Series
    label: str


class _Row(NamedTuple):
    """Of a CSV, with the number of its line in the file, from 1."""

    line: int
    cells: list[str]


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
    if len(series) > MOST_CHANNELS:
        raise DataError(
            f"{path} has {len(series)} channels, and at most {MOST_CHANNELS} are legal; a CSV has "
            "a line a moment and a column a channel, an NPY channels x time: transpose it"
        )
    if not np.isfinite(series).all():
        channel, moment = np.argwhere(~np.isfinite(series))[0].tolist()
        raise DataError(
            f"{path}: the value of channel {channel} at moment {moment} (from 0) is missing or not "
            "finite; fill the gap, or cut the recording there"
        )
    return series


def column_names(path: Path) -> tuple[str, ...] | None:
    """Those in the first row of a CSV; None where it has numbers there, or is no CSV.

    Raises:
        DataError: it cannot be read.
    """
    rows = _rows(path, most=1) if path.suffix.lower() == ".csv" else []
    return _header(path, rows[0]) if rows else None


def read_ts(path: Path) -> list[Case]:
    """The series of a .ts file, as aeon and the archive of time series have them.

    Raises:
        DataError: there is no such file, it has no classes, or a line of it is no series with a
            class.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"there is no {path}; download it, or correct data.root") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); download it again") from error
    starts = [number for number, line in enumerate(lines) if line.strip().lower() == "@data"]
    if not starts:
        raise DataError(f"{path} has no line @data; it is no .ts file of time series")
    classes = _declared(path, lines[: starts[0]])
    numbered = enumerate(lines[starts[0] + 1 :], starts[0] + 2)
    told = [(number, line.strip()) for number, line in numbered]
    cases = []
    for number, line in told:
        if line and not line.startswith("#"):
            cases.append(case := _case(path, number, line))
            if classes and case.label not in classes:
                raise DataError(
                    f"{path}, line {number} ends with {case.label[:SHOWN]!r}, which is no class of "
                    f"@classLabel ({', '.join(classes[:10])}); a series ends with a colon and its "
                    "class"
                )
    if not cases:
        raise DataError(f"{path} has no series below @data; download it again")
    return cases


def _declared(path: Path, head: Sequence[str]) -> tuple[str, ...]:
    """The classes that the head of a .ts file names; none where it does not say."""
    classes: tuple[str, ...] = ()
    for line in head:
        name, *values = line.split() or [""]
        name, on = name.lower(), [value.lower() for value in values[:1]] == ["true"]
        if name == "@timestamps" and on:
            raise DataError(f"{path} has a time beside each value; save values alone")
        if (name == "@classlabel" and not on) or (name == "@targetlabel" and on):
            raise DataError(f"{path} has no classes ({line.strip()}); take a set of classes")
        if name == "@classlabel":
            classes = tuple(values[1:])
    return classes


def _case(path: Path, number: int, line: str) -> Case:
    *channels, label = line.split(":")
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
        # mapped: a file that promises more than it holds is refused before memory is asked for
        values = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, TypeError, EOFError, OverflowError) as error:
        raise DataError(f"{path} cannot be read ({error}); save numbers with numpy.save") from error
    if not isinstance(values, np.ndarray):
        raise DataError(f"{path} holds several arrays; save one with numpy.save")
    if values.dtype.kind not in REAL:
        raise DataError(f"{path} holds {values.dtype}, no real numbers; save it as float32")
    if values.ndim > 2:
        raise DataError(
            f"{path} has the shape {values.shape}; a recording is channels x time: save it so"
        )
    with np.errstate(over="ignore"):  # what becomes infinite is refused by name
        return np.atleast_2d(np.array(values, np.float32))


def _from_csv(path: Path, columns: Sequence[str] | None) -> Series:
    rows = _rows(path)
    if not rows:
        return np.zeros((0, 0), np.float32)
    header, count = _header(path, rows[0]), len(rows[0].cells)
    chosen = _chosen(path, header, columns, count)
    table = []
    for row in rows[bool(header) :]:
        line, cells = row
        if len(cells) != count:
            raise DataError(
                f"{path}, line {line} has {len(cells)} columns and the first has {count}; each "
                "line needs as many"
            )
        values = _numbers([cells[place] for place in chosen])
        if values is None:
            raise _no_number(path, row, chosen, header)
        table.append(values)
    with np.errstate(over="ignore"):
        return np.array(table, np.float32).T


def _rows(path: Path, most: int | None = None) -> list[_Row]:
    """Of a CSV, those that are not blank, at most ``most``."""
    rows: list[_Row] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    rows.append(_Row(reader.line_num, cells))
                if most and len(rows) == most:
                    break
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error}); save it as CSV in UTF-8") from error
    for mark, name in OTHER_MARKS.items():
        if rows and any(mark in cell for cell in rows[0].cells):
            raise DataError(
                f"{path} has {name} between its columns; save it with commas there, and with "
                "points in numbers"
            )
    return rows


def _header(path: Path, row: _Row) -> tuple[str, ...] | None:
    """Names in the first row; None where it has numbers."""
    if _numbers(row.cells):
        return None
    told = [cell for cell in row.cells if cell.strip()]
    if len(told) < len(row.cells) and _numbers(told):  # a moment with a gap would be lost as names
        raise _no_number(path, row, range(len(row.cells)), None)
    return tuple(name.strip() for name in row.cells)


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
    for name in columns:
        if (times := header.count(name)) != 1:
            found = f"{times} columns" if times else "no column"
            raise DataError(
                f"{path} has {found} {name!r}; it has {', '.join(header[:12])}; correct "
                "data.columns, or the file"
            )
    return [header.index(name) for name in columns]


def _numbers(row: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in row]
    except ValueError:
        return None


def _no_number(
    path: Path, row: _Row, chosen: Sequence[int], header: Sequence[str] | None
) -> DataError:
    """Which of the chosen cells of a row is no number."""
    line, cells = row
    place = next(each for each in chosen if _numbers([cells[each]]) is None)
    column = repr(header[place]) if header else f"{place + 1}"
    if not cells[place].strip():
        what, cure = f"has no value in column {column}", "fill the gap"
    else:
        what = f"has {cells[place][:SHOWN]!r} in column {column}, which is no number"
        cure = "write numbers with a decimal point"
    return DataError(f"{path}, line {line} {what}; {cure}, or name the columns in data.columns")
