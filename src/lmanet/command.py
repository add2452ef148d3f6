"""Commands as they are printed, to be typed: quoted once for Hydra's grammar and once for the
shell.
"""

import os
import re
import shlex
import sys
from pathlib import Path

PROGRAM = "lmanet"
PLAIN = re.compile(r"[\w./][\w./-]*", re.ASCII)
# what Hydra's grammar reads as something else than text
WORDS = (
    "null",
    "true",
    "false",
    "nan",
    "inf",
)

AT_HOME = re.compile(r"~(/[^,'\"]*)?")


def at_home(argument: str) -> str:
    """``key=~/x`` as ``key=/home/me/x``: a shell does so only where a word begins, and Hydra reads
    no ``~``.
    """
    key, _, value = argument.partition("=")
    return override(key, Path(value).expanduser()) if AT_HOME.fullmatch(value) else argument


def command(*arguments: str) -> str:
    """The whole line for a shell, beginning as the one that was typed."""
    return shlex.join([*_program(Path(sys.argv[0])), *arguments])


def printable(text: str) -> str:
    """The same lines without what moves a terminal's cursor or turns the direction of writing, as
    names of files and classes may.
    """
    return "".join(mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in text)


def drop_output() -> None:
    """Let what is still printed go nowhere: who read the pipe has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def override(key: str, value: object) -> str:
    """``key=value``, with the value in quotes where Hydra would read it as something else than this
    text.
    """
    text = str(value)
    return f"{key}={text if PLAIN.fullmatch(text) and not _is_another(text) else quoted(text)}"


def _program(started: Path) -> list[str]:
    if started.stem == PROGRAM:  # on Windows lmanet.exe
        return [PROGRAM]
    if (started.parent.name, started.name) == (PROGRAM, "__main__.py"):
        return ["python", "-m", PROGRAM]
    return ["python", "run.py"]


def _is_another(text: str) -> bool:
    """Whether Hydra reads it as a number, a truth value or null: an ID of hexadecimal digits may
    look like 1e5.
    """
    try:
        float(text)
    except ValueError:
        return text.lower() in WORDS
    return True


def quoted(text: str) -> str:
    """A text in quotes for Hydra: taken to the letter, whatever it holds."""
    # an interpolation, to OmegaConf
    kept = re.sub(r"(\\*)\$\{", lambda found: found.group(1) * 2 + r"\${", text)
    escaped = re.sub(
        r"(\\*)('|$)", lambda found: found.group(1) * 2 + (r"\'" if found.group(2) else ""), kept
    )
    return f"'{escaped}'"
