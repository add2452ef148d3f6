"""Where a board stands: its line, and how a firmware gets onto it."""

import logging
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lmanet.base import Above0, AtLeast1
from lmanet.errors import BoardError, ConfigError
from lmanet.measure.emulated import EmulatedBoard
from lmanet.measure.line import Line
from lmanet.measure.session import Session
from lmanet.run.measurement import BoardMeasurement
from lmanet.steps import BoardProgram

log = logging.getLogger(__name__)
EMULATOR = "qemu"
BACK_S = 10.0  # a line over USB is gone for a moment while its board starts
FLASH_TIMEOUT_S = 300
LAST_CHARACTERS = 300
PLACES = ("elf", "chip", "port")


@dataclass(frozen=True)
class Bench:
    """A board on its line.

    Attributes:
        port: as the system names it, such as ``/dev/ttyACM0`` or ``COM3``; ``qemu`` is an emulator,
            whose time is no board's.
        baud: bits a second, as in the firmware.
        timeout_s: that an answer may take, beside its transfer.
        flash: command that puts a firmware onto the board, with ``{elf}``, ``{chip}`` and
            ``{port}``; None is by hand.
        chip: the part, as that command names it.
        runs: of the network, over all images.
    """

    port: str | None
    baud: AtLeast1 = 115200
    timeout_s: Above0 = 30
    flash: str | None = None
    chip: str | None = None
    runs: AtLeast1 = 20

    def require(self, core: str) -> None:
        """Say what is missing, before anything is compiled.

        Raises:
            ConfigError: no port is named, or the command cannot be run.
        """
        if self.port is None:
            raise ConfigError(
                "measure.port is not set, and it has no default; name the board's serial line, "
                "such as measure.port=/dev/ttyACM0, or measure=emulated (conf/measure)"
            )
        if self.is_emulated:
            EmulatedBoard(core)
        elif self.flash:
            self._command(Path("firmware.elf"))

    @property
    def is_emulated(self) -> bool:
        """Whether the board is an emulator."""
        return self.port == EMULATOR

    def measure(self, program: BoardProgram, core: str) -> BoardMeasurement:
        """Put a firmware onto the board, and measure it.

        Raises:
            BoardError: the board, its line or its firmware is at fault.
        """
        assert self.port is not None
        if not self.is_emulated:
            if self.flash:
                self._flash(program)
                _await(self.port)
            return self._on(self.port, program)
        if program.elf is None:
            raise ConfigError("measure.port=qemu needs measure.firmware.source=mps2 (conf/measure)")
        board = EmulatedBoard(core)
        try:
            board.flash(program.elf)
            return self._on(board.port, program)
        finally:
            board.close()

    def _on(self, port: str, program: BoardProgram) -> BoardMeasurement:
        with Line(port, self.baud) as line:
            return Session(line, program, self.timeout_s).measure(self.runs)

    def _flash(self, program: BoardProgram) -> None:
        assert self.flash is not None
        if program.elf is None and "{elf}" in self.flash:
            raise ConfigError(
                f"measure.flash={self.flash} needs a firmware, and measure.firmware.source is "
                "null; name the C file of your board (conf/measure)"
            )
        command = self._command(program.elf or program.folder)
        shown = shlex.join(command)
        log.info("flashing: %s", shown)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=FLASH_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BoardError(
                "not_flashed",
                f"{shown} cannot be run, or takes more than {FLASH_TIMEOUT_S} s "
                f"({type(error).__name__}); run it by hand, and leave measure.flash=null "
                "(conf/measure)",
            ) from error
        if done.returncode:
            last = " ".join((done.stdout + done.stderr).split())[-LAST_CHARACTERS:]
            raise BoardError(
                "not_flashed",
                f"{shown} ended with status {done.returncode}: {last}; see to the probe, or "
                "correct measure.flash and measure.chip (conf/measure)",
            )

    def _command(self, elf: Path) -> list[str]:
        """Split first and filled in after, so that no name of a file becomes two words."""
        assert self.flash is not None
        values = {"elf": str(elf), "chip": self.chip or "", "port": self.port or ""}
        try:
            words = shlex.split(self.flash)
            command = [word.format_map(values) for word in words]
        except (ValueError, KeyError, IndexError, AttributeError):
            raise ConfigError(
                f"measure.flash={self.flash}: it takes a command with "
                f"{', '.join('{' + name + '}' for name in PLACES)} and no other braces "
                "(conf/measure)"
            ) from None
        if "{chip}" in self.flash and not self.chip:
            raise ConfigError(
                f"measure.flash={self.flash} needs measure.chip, the part as that tool names it "
                "(conf/measure)"
            )
        if not command or not shutil.which(command[0]):
            raise ConfigError(
                f"measure.flash={self.flash}: {command[0] if command else 'no program'} is not "
                "installed; install it, or flash by hand with measure.flash=null (conf/measure)"
            )
        return command


def _await(port: str) -> None:
    """Wait a little for a line that a new start of the board took away; what is wrong is said by
    whoever opens it.
    """
    deadline = time.monotonic() + BACK_S
    while Path(port).is_absolute() and not Path(port).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
