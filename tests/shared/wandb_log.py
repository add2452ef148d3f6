"""Reads what W&B has written of a run, as `wandb sync` would."""

import struct
from pathlib import Path
from typing import Any

BLOCK, WHOLE, LAST = 32768, 1, 4


def read_log(run: Path) -> list[Any]:
    """What stands in a ``.wandb`` file: LevelDB's log format, 7 bytes of header, blocks of 32 KiB,
    each chunk (crc, length, type).
    """
    from wandb.proto import wandb_internal_pb2  # which imports all of W&B

    content = next(run.glob("*.wandb")).read_bytes()
    found: list[Any] = []
    whole, place = b"", 7
    while place + 7 <= len(content):  # the end may not be written yet
        if (room := BLOCK - place % BLOCK) < 7:
            place += room
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        if place + 7 + length > len(content):
            break
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (WHOLE, LAST):
            found.append(wandb_internal_pb2.Record.FromString(whole))
            whole = b""
    return found
