"""What a how-to page tells its reader to write and to type, done in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"`(plugin/[^`]+)`:\n\n```[a-z]+\n(.*?)```", flags=re.DOTALL)
COMMAND = re.compile(r"^(PYTHONPATH=plugin )?python run\.py (.*)$", flags=re.MULTILINE)


class Reader:
    """Follows a page.

    Attributes:
        folder: where the files of the page are.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self.text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
        self.folder = folder
        files = dict(FILE.findall(self.text))
        assert files, f"{page} shows no file"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def type_command(self, *further: str) -> subprocess.CompletedProcess[str]:
        """The one command of the page, with settings that make it small."""
        ((plugin, typed),) = COMMAND.findall(self.text)
        return self.type(*shlex.split(typed), *further, plugin=bool(plugin))

    def type(self, *arguments: str, plugin: bool) -> subprocess.CompletedProcess[str]:
        """``python run.py``, with or without the page's modules on the path."""
        places = ([str(self.folder / "plugin")] if plugin else []) + [str(ROOT / "src")]
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )


@pytest.fixture
def follow(tmp_path: Path) -> Callable[[str], Reader]:
    """``follow("add-a-board")`` writes the files of that page."""
    return lambda page: Reader(page, tmp_path)
