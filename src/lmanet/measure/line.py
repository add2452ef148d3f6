"""The serial line to a board, and each way in which it can fail in words."""

import errno
import time
from types import TracebackType
from typing import Self

from lmanet.errors import BoardError
from lmanet.measure.frames import ANSWER, Frame, Kind, Reader, encode

BITS_A_BYTE = 10  # a start bit, eight of data, a stop bit
READ_S = 0.05
SHOWN = 40
REASONS = {1: "its checksum was wrong", 2: "its length is not the network's", 3: "it knows no such"}
WHERE = "measure.port in conf/measure"


class Line:
    """A line of 8 bits without parity that nobody else has open.

    Args:
        port: as the system names it: ``/dev/ttyACM0``, ``COM3``.
        baud: bits a second; a line over USB may take no notice of it.

    Raises:
        BoardError: there is no such port, it is in use, or it may not be opened.
    """

    def __init__(self, port: str, baud: int) -> None:
        self.port, self.baud = port, baud
        self._number = 0
        self._reader = Reader()
        import serial  # every run reads this module for its settings, and few have the package

        self._too_long = serial.SerialTimeoutException
        try:
            # an exclusive lock is of POSIX; Windows lets a port be opened once in any case
            self._serial = serial.Serial(port, baud, timeout=READ_S, exclusive=True)
        except (OSError, ValueError) as error:  # pyserial's own are of the former
            raise _not_opened(port, baud, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serial.close()

    def ask(self, kind: Kind, content: bytes, seconds: float, fresh: bool = False) -> Frame:
        """Send a question and wait for its answer.

        Args:
            seconds: that the board may take, beside the time of the transfer.
            fresh: the board may have started just now, as some do when a port is opened.

        Raises:
            BoardError: no answer came, or another than that of this firmware.
        """
        self._number = (self._number + 1) % 256
        sent = encode(Frame(kind, self._number, content))
        self._reader = Reader()
        deadline = time.monotonic() + seconds + self.transfer_s(len(sent))
        try:
            self._send(sent, deadline)
            while time.monotonic() < deadline:
                received = self._serial.read(max(1, self._serial.in_waiting))
                for frame in self._reader.feed(received):
                    if self._is_answer(frame, kind, fresh):
                        return frame
        except OSError as error:
            raise BoardError(
                "cut",
                f"{self.port}: the line broke off ({_words(error)}); see to cable and power, and "
                f"look whether the board still has this name ({WHERE})",
            ) from None
        raise self._unanswered(kind, seconds)

    def transfer_s(self, count: int) -> float:
        """Seconds in which so many bytes go over the line."""
        return count * BITS_A_BYTE / self.baud

    def _send(self, content: bytes, deadline: float) -> None:
        self._serial.write_timeout = max(deadline - time.monotonic(), READ_S)
        try:
            self._serial.write(content)
        except self._too_long:
            raise self._unanswered(None, 0) from None

    def _is_answer(self, frame: Frame, kind: Kind, fresh: bool) -> bool:
        if frame.kind == Kind.STARTED and not fresh:
            raise BoardError(
                "reset",
                f"{self.port}: the board started anew while it was asked; see to its power, and to "
                "a watchdog or a fault in its firmware",
            )
        if frame.number != self._number:
            return False  # of a question before
        if frame.kind == Kind.REFUSED:
            reason = frame.content[0] if frame.content else 0
            raise BoardError(
                "garbled" if reason == 1 else "wrong_firmware",
                f"{self.port}: the board refused a frame of {self.baud} baud: "
                f"{REASONS.get(reason, 'it says not why')}; "
                + (
                    "take a lower measure.baud (conf/measure), the same as in the firmware"
                    if reason == 1
                    else "flash the firmware of this network"
                ),
            )
        return frame.kind == kind | ANSWER

    def _unanswered(self, kind: Kind | None, seconds: float) -> BoardError:
        stray, damaged = self._reader.stray, self._reader.damaged
        if not stray and not damaged:
            return BoardError(
                "silent",
                f"{self.port}: the board gave no answer within {seconds:g} s; see that it is "
                "powered and flashed, or raise measure.timeout_s (conf/measure)",
            )
        shown = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in stray[-SHOWN:])
        if kind is Kind.HELLO and stray.strip().isascii() and not damaged:
            return BoardError(
                "wrong_firmware",
                f"{self.port}: another program answers there ({shown!r}); flash the firmware of "
                "this network",
            )
        return BoardError(
            "garbled",
            f"{self.port}: what came was no whole frame ({damaged} damaged, last {shown!r}); set "
            f"measure.baud={self.baud} to the firmware's (conf/measure), or take another cable",
        )


def _not_opened(port: str, baud: int, error: Exception) -> BoardError:
    number = getattr(error, "errno", None)
    text = str(error)
    if isinstance(error, ValueError):
        return BoardError("no_port", f"{port}: {error}; correct measure.baud={baud} (conf/measure)")
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text or "denied" in text.lower():
        if number == errno.EACCES and "lock" not in text:
            return BoardError(
                "no_port",
                f"{port} may not be opened: you lack the right; join its group (often dialout) and "
                f"log in again ({WHERE})",
            )
        return BoardError(
            "busy",
            f"{port} is in use by another program; close that, such as a serial monitor ({WHERE})",
        )
    return BoardError(
        "no_port",
        f"{port} cannot be opened ({_words(error)}); plug the board in, and give the name that the "
        f"system lists for it ({WHERE})",
    )


def _words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return (errno.errorcode.get(number, "") if number else "") or str(error).partition(":")[0]
