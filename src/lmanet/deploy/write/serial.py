"""The folder of a firmware that is measured over a serial line: the network's C, the protocol, and
one file of the board.
"""

import hashlib
from pathlib import Path
from shutil import copyfile, rmtree

from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.errors import ConfigError

SERIAL = SUPPORT / "serial"
PROTOCOL = ("serial.c", "main.c")
TEXT = "mlperf.c"
BOARD, OWN_BOARD = "board.c", "board_own.c"
NETWORK, IDENTITY, README = "network", "identity.h", "README.md"
DIGITS = 16
# A sketch's folder has the name of its file.
SKETCH = "lmanet_measure"
SKETCH_PARTS = ("board.h", "serial.h", "serial.c")


def write_serial(
    folder: Path, program: Path, source: Path | None, text: bool, target: str = ""
) -> str:
    """Write the sources, and give what tells this network from others: 16 hexadecimal digits.

    Args:
        folder: to be written; made where it is not there.
        program: folder of `lmanet.deploy.write.program.write_program`.
        source: C file of the board; None takes that of the target where one is shipped, or else
            leaves one to be filled in.
        text: MLPerf Tiny's commands are understood, too; that takes memory for a second image.
        target: its name.
    """
    network = folder / NETWORK
    # a run's folder comes from anyone, and all C of this one is built
    rmtree(network, ignore_errors=True)
    network.mkdir(parents=True)
    for path in sorted([*program.glob("*.h"), *program.glob("*.c")]):
        copyfile(path, network / path.name)
    headers = (path.name for path in SERIAL.glob("*.h"))
    for name in (*headers, *PROTOCOL, *([TEXT] if text else ())):
        copyfile(SERIAL / name, folder / name)
    if not text:
        (folder / TEXT).unlink(missing_ok=True)
    if source or not (folder / BOARD).exists():  # what the user has filled in stays
        usual = shipped_boards().get(target, SERIAL / OWN_BOARD)
        copyfile(source or usual, folder / BOARD)
    digits = hashlib.sha256((network / "network.c").read_bytes()).hexdigest()[:DIGITS]
    (folder / IDENTITY).write_text(
        f'#define LMANET_NETWORK_ID "{digits}"\n#define LMANET_TEXT {int(text)}\n', encoding="utf-8"
    )
    copyfile(SERIAL / README, folder / README)
    return digits


def write_sketch(folder: Path, text: bool) -> Path:
    """Write a sketch of the Arduino IDE beside the sources, and give its folder.

    Args:
        folder: of `write_serial`.
        text: as there.
    """
    sketch = folder / SKETCH
    main = sketch / f"{SKETCH}.ino"
    sketch.mkdir(exist_ok=True)
    # the IDE builds all C that lies there; what the user has filled in stays
    for stale in sketch.iterdir():
        if stale.is_file() and stale != main:
            stale.unlink()
    parts = (*SKETCH_PARTS, IDENTITY, *([TEXT] if text else ()))
    for path in (*(folder / name for name in parts), *sorted((folder / NETWORK).iterdir())):
        copyfile(path, sketch / path.name)
    if not main.exists():
        copyfile(SERIAL / "sketch.ino", main)
    return sketch


def serial_sources(text: bool) -> tuple[str, ...]:
    """Names of the C files in a folder of `write_serial` that are built; others may be anyone's."""
    return (*PROTOCOL, *([TEXT] if text else ()), BOARD)


def shipped_boards() -> dict[str, Path]:
    """Target, or ``mps2`` for the emulated board -> C file of its serial line and counter."""
    found = {path.stem.removeprefix("board_"): path for path in sorted(SERIAL.glob("board_*.c"))}
    return {name: path for name, path in found.items() if path.name != OWN_BOARD}


def board_source(named: str | None) -> Path | None:
    """The C file of a board: one that is shipped, by its name, or the user's.

    Raises:
        ConfigError: there is no such file.
    """
    if named is None:
        return None
    shipped = shipped_boards()
    path = shipped.get(named, Path(named).expanduser())
    if not path.is_file():
        raise ConfigError(
            f"measure.firmware.source={named} is neither one of {', '.join(shipped)} nor "
            "a C file; write one like lmanet/deploy/c/serial/board_own.c (conf/measure)"
        )
    return path
