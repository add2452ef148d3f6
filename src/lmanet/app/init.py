"""`lmanet init FOLDER`: settings of one's own, to begin with and to change."""

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from lmanet.command import command
from lmanet.errors import ConfigError
from lmanet.files import replaced

START = "init"
FILES = Path(__file__).with_name("start")
README = "README.md"
SHOWN = "FOLDER"  # in README.md: the folder that was made


def write_start(arguments: Sequence[str]) -> str:
    """Write the folder; the text says what is in it and how a run takes it.

    Args:
        arguments: what was typed after `init`: a folder that is not there, or is empty.

    Raises:
        ConfigError: no folder was named, or it cannot be written.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError(
            f"{command(START, *arguments)}: it takes one folder, which it makes; type "
            f"{command(START, SHOWN)}"
        )
    folder = Path(arguments[0]).expanduser()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there and not empty, and init changes no file; name a new folder: "
            f"{command(START, SHOWN)}"
        )
    try:
        with replaced(folder.absolute()) as partial:
            shutil.copytree(FILES, partial)
            readme = partial / README
            text = readme.read_text(encoding="utf-8").replace(SHOWN, shlex.quote(str(folder)))
            readme.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"init {folder}: it cannot be written ({error.strerror}); name another folder"
        ) from error
    return _written(folder)


def _written(folder: Path) -> str:
    search = command("--config-dir", str(folder), "+experiment=mine", "data.root=photos")
    return "\n".join(
        (
            f"{folder / 'experiment' / 'mine.yaml'}  your search: change what you like",
            f"{folder / 'target' / 'my_board.yaml'}  your board: memory and limits",
            f"{folder / README}  how to go on",
            f"Next: {search}",
        )
    )
