"""Emulated cores behind one interface: a linked program and images in; outputs,
instructions and stack out.
"""

from lmanet.deploy.run.emulator.machine import Emulator, EmulatorRun
from lmanet.deploy.run.emulator.qemu import QemuEmulator
from lmanet.deploy.run.emulator.unicorn import UnicornEmulator
from lmanet.errors import ConfigError

EMULATORS: dict[str, type[Emulator]] = {"unicorn": UnicornEmulator, "qemu": QemuEmulator}

__all__ = ["EMULATORS", "Emulator", "EmulatorRun", "emulator_named"]


def emulator_named(name: str) -> Emulator:
    """The emulator of that name, ``unicorn`` or ``qemu``.

    Raises:
        ConfigError: the name is unknown, or what it needs is not installed.
    """
    if name not in EMULATORS:
        raise ConfigError(
            f"emulator={name!r} is unknown; legal are {', '.join(EMULATORS)} (conf/deploy)"
        )
    return EMULATORS[name]()
