"""What a how-to page tells its reader to write and to type, done in an empty folder."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from drivers import Drivers

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"`(plugin/[^`]+)`:\n\n```[a-z]+\n(.*?)```", flags=re.DOTALL)
COMMAND = re.compile(r"^(PYTHONPATH=plugin )?python run\.py (.*)$", flags=re.MULTILINE)


class Typed(NamedTuple):
    """How a command ended, and all that it printed."""

    code: int
    said: str


class Reader:
    """Follows a page.

    Attributes:
        folder: where the files of the page are.
    """

    def __init__(self, page: str, folder: Path, drivers: Drivers) -> None:
        self.text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
        self.folder, self.drivers = folder, drivers
        files = dict(FILE.findall(self.text))
        assert files, f"{page} shows no file"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def type_command(self, *further: str) -> Typed:
        """The one command of the page, with settings that make it small."""
        ((plugin, typed),) = COMMAND.findall(self.text)
        return self.type(*shlex.split(typed), *further, plugin=bool(plugin))

    def type(self, *arguments: str, plugin: bool) -> Typed:
        """``python run.py``, with or without the page's modules on the path."""
        places = ([str(self.folder / "plugin")] if plugin else []) + [str(ROOT / "src")]
        driver = self.drivers.start(self.folder, *arguments, PYTHONPATH=os.pathsep.join(places))
        return Typed(driver.wait(), driver.said)


@pytest.fixture
def follow(drivers: Drivers, tmp_path: Path) -> Callable[[str], Reader]:
    """``follow("add-a-board")`` writes the files of that page."""
    return lambda page: Reader(page, tmp_path, drivers)
