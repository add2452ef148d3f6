"""Deliveries: a network as a library that a user's tool opens, one file each."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmanet.deploy.write.packages import arduino, cmake, cmsis_pack, esp_idf, platformio, zephyr
from lmanet.deploy.write.packages.library import Library, require_prefix
from lmanet.errors import ConfigError

__all__ = ["DELIVERIES", "Library", "Packaging", "write_packages"]

USUAL_PREFIX = "lmanet"
# What stands in XML and in a line of properties as it is.
URL = re.compile(r"(https?://[\w.~:/@%-]+)?", re.ASCII)

DELIVERIES: dict[str, Callable[[Library, Path], None]] = {
    "arduino": arduino.write,
    "cmake": cmake.write,
    "cmsis_pack": cmsis_pack.write,
    "esp_idf": esp_idf.write,
    "platformio": platformio.write,
    "zephyr": zephyr.write,
}


@dataclass(frozen=True)
class Packaging:
    """Which deliveries are written, and what they are called.

    Attributes:
        packages: their names; None is what the board's usual tool opens.
        prefix: that names of C in them begin with.
        url: where they are published; empty is nowhere.

    Raises:
        ConfigError: one of them is illegal.
    """

    packages: Sequence[str] | None = None
    prefix: str = USUAL_PREFIX
    url: str = ""

    def __post_init__(self) -> None:
        _require_packages(self.packages or ())
        require_prefix(self.prefix)
        if not URL.fullmatch(self.url):
            raise ConfigError(
                f"deploy.url={self.url!r} is no address; legal are https:// with letters, digits "
                "and . ~ : / @ % - _, or nothing (conf/deploy)"
            )


def _require_packages(names: Sequence[str]) -> None:
    """Raise `ConfigError` where one of the deliveries is unknown."""
    for name in names:
        if name not in DELIVERIES:
            raise ConfigError(
                f"deploy.packages has {name!r}, which is unknown; legal are "
                f"{', '.join(DELIVERIES)} (conf/deploy)"
            )


def write_packages(library: Library, names: Sequence[str], folder: Path) -> None:
    """Write each delivery into a folder of its name below ``folder``.

    Raises:
        ConfigError: one is unknown.
    """
    _require_packages(names)
    for name in names:
        DELIVERIES[name](library, folder / name)
