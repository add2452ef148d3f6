"""The live view on a terminal, and the log's lines above it."""

import logging
import sys
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from lmanet.command import printable


class LiveView:
    """Draws what a function gives, twice a second; while it is drawn, the log's lines for this
    terminal stand above it, which they would tear.

    Args:
        console: a terminal.
        view: what is drawn.
        heard: is told of each record of the log.
    """

    def __init__(
        self,
        console: Console,
        view: Callable[[], RenderableType],
        heard: Callable[[logging.LogRecord], None],
    ) -> None:
        self.live = Live(get_renderable=view, console=console, refresh_per_second=2, transient=True)
        self._listening = _Listening(heard)
        self._streams: dict[logging.StreamHandler[TextIO], TextIO] = {}

    def start(self) -> None:
        """Draw from now on."""
        root = logging.getLogger()
        handlers = [each for each in root.handlers if isinstance(each, logging.StreamHandler)]
        self._streams = {
            each: each.stream for each in handlers if each.stream and each.stream.isatty()
        }
        self.live.start()
        for handler in self._streams:
            handler.setStream(sys.stderr)  # rich's by now, which prints above the view
        root.addHandler(self._listening)

    def refresh(self) -> None:
        """Draw now."""
        self.live.refresh()

    def stop(self) -> None:
        """Take it down; all is as it was."""
        logging.getLogger().removeHandler(self._listening)
        self.live.stop()
        for handler, stream in self._streams.items():
            handler.setStream(stream)
        self._streams = {}


class ShortLines(logging.Formatter):
    """What the log says on a terminal: the time, and what it is if it is no news. Level and module
    stand in the file.
    """

    default_time_format = "%H:%M:%S"
    default_msec_format = ""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname}: " if record.levelno > logging.INFO else ""
        return printable(f"{self.formatTime(record)} {level}{super().format(record)}")


class _Listening(logging.Handler):
    """Hands each record on."""

    def __init__(self, heard: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(logging.INFO)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard(record)
