"""As a tool that flashes boards: puts an ELF onto the emulated board, whose line has one name.

python flash.py ELF LINK: LINK becomes the port; LINK.pid has the process, which a test ends.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from lmanet.board import load_target
from lmanet.measure.emulated import EmulatedBoard

elf, link = Path(sys.argv[1]), Path(sys.argv[2])
kept = link.with_suffix(".pid")
if kept.exists():
    with suppress(ProcessLookupError):
        os.kill(int(kept.read_text()), signal.SIGKILL)
link.unlink(missing_ok=True)
reading, writing = os.pipe()
if (child := os.fork()) == 0:
    os.setsid()
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    board = EmulatedBoard(load_target("stm32f446").core)
    board.flash(elf)
    assert board._process
    os.write(writing, f"{board.port} {board._process.pid}".encode())
    os._exit(0)
os.waitpid(child, 0)
port, pid = os.read(reading, 200).decode().split()
kept.write_text(pid)
time.sleep(0.2)  # the name of a line over USB is back only then
link.symlink_to(port)
