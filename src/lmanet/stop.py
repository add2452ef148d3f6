"""Signals that end a run: the first in good order and with an exit code that is not 0, the second
at once.
"""

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import ClassVar

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # of Ctrl-C, of a scheduler, of a terminal that is closed
SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class Stopped(BaseException):
    """A signal asked this process to end.

    It is no `Exception`: whoever catches those would take it for a fault of a candidate or of a
    server, and go on.
    """

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number  # as shells count
        super().__init__(self.name)


@contextmanager
def stoppable() -> Iterator["Stops"]:
    """Raise `Stopped` in the main thread at the first signal; a second one kills the process.

    A signal that is ignored, as after ``nohup``, stays so.
    """
    stops = Stops()
    if threading.current_thread() is not threading.main_thread():
        yield stops
        return
    taken = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, stops) for each in taken}
    try:
        yield stops
    finally:
        Stops.came = None
        for each, known in before.items():
            signal.signal(each, known)


@contextmanager
def stop_first() -> Iterator[None]:
    """Raise `Stopped` in place of an error before which a signal came, as it follows from the stop:
    C code that calls Python, such as pydantic's, turns `Stopped` into an error of its own, and a
    signal to a whole group ends children whose end looks like a fault.
    """
    try:
        yield
    except Exception as error:
        if Stops.came is not None:
            raise Stopped(Stops.came) from error
        raise


class Stops:
    """The handler of all signals. Lightning puts it back after each training, so that it, and not
    the table of signals, must know that it was called before.

    Attributes:
        came: the number of the first signal.
    """

    came: ClassVar[int | None] = None

    def __init__(self) -> None:
        self.process = os.getpid()
        self.is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise a first signal at the end of this block, which is short, and not in its midst."""
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
        if Stops.came is not None:
            raise Stopped(Stops.came)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # a process that reads images, and was forked
            os._exit(128 + number)
        if Stops.came is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(self.process, number)
        Stops.came = number
        if number == getattr(signal, "SIGHUP", None):
            _leave_terminal()
        if not self.is_held:
            raise Stopped(number)


def _leave_terminal() -> None:
    """Write to nowhere what would go to a terminal that is gone: each line would raise an error in
    the midst of the ending.
    """
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        for output in (1, 2):
            # A terminal that hung up is a device still, and no terminal any more.
            if stat.S_ISCHR(os.fstat(output).st_mode) and not os.isatty(output):
                os.dup2(nowhere.fileno(), output)
