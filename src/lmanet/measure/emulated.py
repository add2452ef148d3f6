"""The board that is an emulator: QEMU with its serial line on a pseudo-terminal."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from lmanet.board.cores import core_named, cores
from lmanet.errors import BoardError, ConfigError

QEMU = "qemu-system-arm"
# Serial line and timer of deploy/c/serial/board_mps2.c are those of these machines alone.
MACHINES = ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
COUNTING = ("-icount", "shift=0")  # an instruction is a nanosecond of its time
ALONE = ("-display", "none", "-monitor", "none")
LINE = ("-chardev", "pty,id=line", "-serial", "chardev:line")
NAMED = re.compile(r"redirected to (\S+) ")
START_S = 20.0


class EmulatedBoard:
    """Each firmware that is put onto it starts it anew.

    Args:
        core: a name in `lmanet.board.cores`.

    Raises:
        ConfigError: QEMU is missing, or has no such board.
    """

    def __init__(self, core: str) -> None:
        self.machine = core_named(core).measured_machine
        if self.machine not in MACHINES:
            known = [each.name for each in cores().values() if each.measured_machine in MACHINES]
            raise ConfigError(
                f"measure.port=qemu emulates no board with core={core}; legal are "
                f"{', '.join(known)} (target in conf/target)"
            )
        if not shutil.which(QEMU):
            raise ConfigError(
                f"measure.port=qemu needs {QEMU}: apt-get install {QEMU}, or take a board "
                "(conf/measure)"
            )
        self.port = ""
        self._process: subprocess.Popen[str] | None = None

    def flash(self, elf: Path) -> None:
        """Start the machine with a program in its memory.

        Raises:
            BoardError: it does not start.
        """
        self.close()
        command = [QEMU, "-M", self.machine, *ALONE, *LINE, *COUNTING, "-kernel", str(elf)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        deadline = time.monotonic() + START_S
        said = ""
        while time.monotonic() < deadline and (line := self._process.stdout.readline()):
            said += line
            if found := NAMED.search(line):
                self.port = found[1]
                return
        self.close()
        raise BoardError("not_flashed", f"{QEMU} does not start: {' '.join(said.split())[-300:]}")

    def close(self) -> None:
        """End the machine, if it runs."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None
