"""Frames of the serial line: bytes <-> kind, number and content; the other side is
``deploy/c/serial/serial.c``.
"""

import struct
from binascii import crc32
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MARK = b"\xa5\x5a"
HEAD = struct.Struct("<BBI")  # kind, number, bytes of the content
SUM = struct.Struct("<I")
MOST_BYTES = 1 << 24
ANSWER = 0x80  # is added to the kind of a question


class Kind(IntEnum):
    """What a frame is: a question of this machine, or what the board says without one."""

    HELLO = 0x01
    RUN = 0x02
    STARTED = 0xC0
    REFUSED = 0xC1


class Frame(NamedTuple):
    """One frame.

    Attributes:
        kind: a `Kind`, or that of a question and `ANSWER`.
        number: of the question; its answer has the same.
    """

    kind: int
    number: int
    content: bytes


def encode(frame: Frame) -> bytes:
    """As it goes over the line."""
    body = HEAD.pack(frame.kind, frame.number, len(frame.content)) + frame.content
    return MARK + body + SUM.pack(crc32(body))


class Reader:
    """Finds frames in what comes over a line, also after bytes that belong to none.

    Attributes:
        stray: the last bytes that belong to no frame.
        damaged: frames whose checksum was wrong.
    """

    MOST_STRAY = 200

    def __init__(self) -> None:
        self.stray = b""
        self.damaged = 0
        self._left = b""

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Every frame that is whole by now."""
        self._left += received
        while found := self._next():
            yield found

    def _next(self) -> Frame | None:
        while True:
            start = self._left.find(MARK)
            if start < 0:
                keep = self._left[-1:] if self._left.endswith(MARK[:1]) else b""
                self._drop(len(self._left) - len(keep))
                return None
            self._drop(start)
            if len(self._left) < len(MARK) + HEAD.size:
                return None
            kind, number, size = HEAD.unpack_from(self._left, len(MARK))
            end = len(MARK) + HEAD.size + size
            if size <= MOST_BYTES and len(self._left) < end + SUM.size:
                return None
            body = self._left[len(MARK) : end]
            if size <= MOST_BYTES and SUM.unpack_from(self._left, end)[0] == crc32(body):
                self._left = self._left[end + SUM.size :]
                return Frame(kind, number, body[HEAD.size :])
            self.damaged += 1
            self._drop(len(MARK))

    def _drop(self, count: int) -> None:
        self.stray = (self.stray + self._left[:count])[-self.MOST_STRAY :]
        self._left = self._left[count:]
