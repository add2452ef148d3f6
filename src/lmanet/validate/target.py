"""Target: the memory and the time that a board leaves to a network."""

from dataclasses import dataclass, fields

from lmanet.errors import ConfigError


@dataclass(frozen=True)
class Target:
    """A board, what else lives in its memory, and so the most that a network may cost.

    Attributes:
        name: of the file in conf/target.
        board: the board or microcontroller in words.
        sram_bytes: the whole contiguous region that holds activations, camera frame, runtime and stack.
        runtime_sram_bytes: part of it for stack and runtime.
        input_buffer_bytes: part of it for the camera's frame, which lives beside the network's own input tensor.
        flash_bytes: the whole flash memory.
        runtime_flash_bytes: part of it for code.
        macs: most multiply-accumulates for one image.
    """

    name: str
    board: str
    sram_bytes: int
    runtime_sram_bytes: int
    input_buffer_bytes: int
    flash_bytes: int
    runtime_flash_bytes: int
    macs: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 0):
                raise ConfigError(
                    f"target {self.name}: {field.name}={value!r} is no whole number from 0 on; correct it in conf/target/{self.name}.yaml"
                )
        for quantity, limit in self.limits.items():
            if limit <= 0:
                raise ConfigError(
                    f"target {self.name}: {quantity}={limit} is left to the network, which needs more than 0; "
                    f"reserve less for runtime and camera in conf/target/{self.name}.yaml"
                )

    @property
    def limits(self) -> dict[str, int]:
        """Quantity of `lmanet.space.Cost` -> the most that a network may take of it."""
        return {
            "macs": self.macs,
            "peak_sram_bytes": self.sram_bytes - self.runtime_sram_bytes - self.input_buffer_bytes,
            "flash_bytes": self.flash_bytes - self.runtime_flash_bytes,
        }
