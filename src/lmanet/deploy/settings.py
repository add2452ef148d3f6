"""What can be chosen in conf/deploy."""

from dataclasses import dataclass

from lmanet.deploy.int8.calibrate import METHODS
from lmanet.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """How a network is brought to int8, and by which tools it is verified.

    Attributes:
        calibration: ``minmax``, ``percentile`` or ``mse``: how the ranges of activations are found.
        calibration_images: of the training set that are looked at.
        toolchain: ``zig`` (from PyPI) or ``gcc`` (arm-none-eabi-gcc): what compiles the generated
            C.
        emulator: ``unicorn`` (from PyPI) or ``qemu`` (qemu-system-arm): what runs it.
        compare_images: images on which all runtimes must give the same bits.
        most_loss: share of 1; where calibration alone loses more accuracy than that, the int8
            network is trained.
    """

    calibration: str = "mse"
    calibration_images: int = 256
    toolchain: str = "zig"
    emulator: str = "unicorn"
    compare_images: int = 4
    most_loss: float = 0.01

    def __post_init__(self) -> None:
        if self.calibration not in METHODS:
            raise ConfigError(
                f"deploy.settings.calibration={self.calibration!r} is unknown; legal are "
                f"{', '.join(METHODS)} (conf/deploy)"
            )
        for name in ("calibration_images", "compare_images"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"deploy.settings.{name}={getattr(self, name)}: at least one image is needed "
                    "(conf/deploy)"
                )
