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
        least_precision: share of 1 of the validation images called by a class that must be of it;
            where a lead over the second class reaches less, the firmware says that it is unsure.
            None is never unsure.
    """

    calibration: str = "mse"
    calibration_images: int = 256
    toolchain: str = "zig"
    emulator: str = "unicorn"
    compare_images: int = 4
    most_loss: float = 0.01
    least_precision: float | None = None

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
        if self.least_precision is not None and not 0 < self.least_precision <= 1:
            raise ConfigError(
                f"deploy.settings.least_precision={self.least_precision}: it is a share of the "
                "images that a class is called by; legal are numbers above 0 and up to 1, or null "
                "(conf/deploy)"
            )
