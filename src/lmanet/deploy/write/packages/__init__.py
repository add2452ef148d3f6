"""Deliveries: a network as a library that a user's tool opens, one file each."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lmanet.deploy.write.packages import arduino, cmake, cmsis_pack, esp_idf, platformio, zephyr
from lmanet.deploy.write.packages.library import Library, require_prefix
from lmanet.errors import ConfigError

__all__ = ["DELIVERIES", "Library", "require_packages", "require_prefix", "write_packages"]

DELIVERIES: dict[str, Callable[[Library, Path], None]] = {
    "arduino": arduino.write,
    "cmake": cmake.write,
    "cmsis_pack": cmsis_pack.write,
    "esp_idf": esp_idf.write,
    "platformio": platformio.write,
    "zephyr": zephyr.write,
}


def require_packages(names: Sequence[str]) -> None:
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
    require_packages(names)
    for name in names:
        DELIVERIES[name](library, folder / name)
