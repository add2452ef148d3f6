"""Target: the memory and the time that a board leaves to a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from lmanet.board.cores import core_named, cores, load_core
from lmanet.board.cycles import MeasuredCycles
from lmanet.board.kit import Kit, Region
from lmanet.cost.c_runtime.plan import CStaticOptions
from lmanet.cost.platform import RUNTIMES, Platform, Runtime
from lmanet.errors import ConfigError
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound

# conf/target; ``lmanet/conf`` is a link to ``conf``, and a wheel has its files in that place.
TARGETS = Path(__file__).parents[1] / "conf" / "target"


@dataclass(frozen=True)
class Target:
    """A board, what else lives in its memory, and so the most that a network may cost.

    Attributes:
        name: of the file in conf/target.
        board: the board or microcontroller in words.
        core: a name in `lmanet.board.cores`, or the path of a YAML file like those there.
        clock_mhz: of the core.
        runtime: what runs the network: ``c_static`` (our generated C) or ``tflm`` (TensorFlow Lite
            Micro with CMSIS-NN). Memory is counted as that runtime allocates it; ``plain`` counts
            tensors alone, as a comparison.
        regions: of SRAM; addresses that follow each other are one region. The largest is the
            network's.
        stack_bytes, runtime_sram_bytes: part of the network's region for the stack, and for all
            else that the firmware keeps.
        input_buffer_bytes: part of it for the camera's frame, which lives beside the network's own
            input tensor.
        flash_bytes: the whole flash memory.
        runtime_flash_bytes: part of it for code.
        macs: most multiply-accumulates for one image.
        estimated_latency_ms: most milliseconds for one image by estimate; None is no such limit.
        more_limits: further quantity (`lmanet.run.quantities`) -> the most of it.
        c_options: what the generated C does to save memory; counted and generated alike.
        flash_address: where the flash memory begins, as the core starts from it.
        kit: what the firmware's instructions say of the part.
        measured: cycles of this very board, as the stage measure writes them; None rests on the
            core's.
    """

    name: str
    board: str
    core: str
    clock_mhz: int
    runtime: Runtime
    regions: Sequence[Region]
    stack_bytes: int
    runtime_sram_bytes: int
    input_buffer_bytes: int
    flash_bytes: int
    runtime_flash_bytes: int
    macs: int
    estimated_latency_ms: int | None = None
    c_options: CStaticOptions = field(default_factory=CStaticOptions)
    flash_address: int = 0x08000000
    kit: Kit = field(default_factory=Kit)
    more_limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    measured: MeasuredCycles | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        if str(self.core).endswith(".yaml"):
            object.__setattr__(self, "core", load_core(self.core).name)
        self._check_choice("core", tuple(cores()))
        self._check_choice("runtime", RUNTIMES)
        self._check_regions()
        optional = {"estimated_latency_ms"} if self.estimated_latency_ms is None else set()
        # not fields(): where annotations are postponed, it gives the types as text
        for name in {
            name for name, kind in get_type_hints(type(self)).items() if kind in (int, int | None)
        } - optional:
            if type(value := getattr(self, name)) is not int or value < 0:
                raise self._error(f"{name}={value!r} is no whole number from 0 on; correct it")
        if self.estimated_latency_ms is not None and self.runtime != "c_static":
            raise self._error(
                f"estimated_latency_ms={self.estimated_latency_ms} is a limit, but latency is "
                "estimated for runtime=c_static alone; take that runtime, or set the limit to null"
            )
        for quantity, limit in self.limits.items():
            if limit <= 0:
                raise self._error(
                    f"{quantity}={limit} is left to the network, which needs more than 0; reserve "
                    "less for runtime, stack and camera"
                )

    @property
    def platform(self) -> Platform:
        """Where the cost of a network is counted."""
        return Platform(self.runtime, self.c_options, self.core, self.clock_mhz, self.measured)

    @property
    def measured_is_enough(self) -> bool:
        """Whether estimates of latency rest on this very board."""
        return self.measured is not None and self.measured.is_enough

    @property
    def region(self) -> Region:
        """The largest region, which holds activations, camera frame, stack and runtime."""
        return max(self.regions, key=lambda region: region.bytes)

    @property
    def reserved_sram_bytes(self) -> int:
        """Of that region for anything but the network."""
        return self.stack_bytes + self.runtime_sram_bytes + self.input_buffer_bytes

    @property
    def sram_bytes(self) -> int:
        """All regions together."""
        return sum(region.bytes for region in self.regions)

    @property
    def has_caches(self) -> bool:
        """Whether the core has an instruction and a data cache of its own."""
        return core_named(self.core).caches

    @property
    def limits(self) -> dict[str, int]:
        """Quantity of `lmanet.space.Cost` -> the most that a network may take of it."""
        limits = {
            "macs": self.macs,
            "peak_sram_bytes": self.region.bytes - self.reserved_sram_bytes,
            "flash_bytes": self.flash_bytes - self.runtime_flash_bytes,
        }
        if self.estimated_latency_ms is not None:
            limits["estimated_latency_ms"] = self.estimated_latency_ms
        return {**limits, **self.more_limits}

    def hearing(self, front_end: FrontEnd) -> "Target":
        """The same board with a microphone in place of the camera: the front end of audio takes
        its part of RAM, flash and time, and the network has the rest.
        """
        from lmanet.cost.latency import estimated_latency_ms  # which reads cores of this package

        cost = estimate_sound(front_end)
        limit = self.estimated_latency_ms
        if limit is not None:
            instructions = cost.frame_instructions * front_end.hop_frames
            limit -= ceil(estimated_latency_ms(instructions, self.core, self.clock_mhz).highest)
        return replace(
            self,
            input_buffer_bytes=cost.ram_bytes,
            runtime_flash_bytes=self.runtime_flash_bytes + cost.flash_bytes,
            estimated_latency_ms=limit,
        )

    def _check_choice(self, name: str, legal: Sequence[str]) -> None:
        if getattr(self, name) not in legal:
            raise self._error(
                f"{name}={getattr(self, name)!r} is unknown; legal are {', '.join(legal)}; correct "
                "it"
            )

    def _check_regions(self) -> None:
        for region in self.regions:
            if (
                type(region.bytes) is not int
                or region.bytes <= 0
                or type(region.address) is not int
                or region.address < 0
            ):
                raise self._error(
                    f"region {region.name} has address={region.address!r} and "
                    f"bytes={region.bytes!r}, not whole numbers; correct it"
                )
        if not self.regions:
            raise self._error("no region of SRAM is given, and the network needs one; correct it")

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"target {self.name}: {what} in conf/target/{self.name}.yaml")


def usual_target() -> Target:
    """The target that ``conf/config.yaml`` takes where none is named."""
    content = yaml.safe_load((TARGETS.parent / "config.yaml").read_text(encoding="utf-8"))
    chosen = [each for each in content["defaults"] if isinstance(each, dict)]
    return load_target(next(each["target"] for each in chosen if "target" in each))


def load_target(name: str | Path) -> Target:
    """The target of a file in conf/target, such as ``stm32h743``, or of any file like those.

    Args:
        name: of the file without its ending, or its path.

    Raises:
        ConfigError: there is no such file, or it is no target.
    """
    path = Path(name) if Path(name).suffix else TARGETS / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(
            sorted(each.stem for each in TARGETS.glob("*.yaml") if each.stem != "none")
        )
        raise ConfigError(
            f"target {str(name)!r} is neither one of {names} nor a file; pass one of them"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _target(_values(content))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} is no target ({str(error).splitlines()[0]}); write it like the others in "
            "conf/target"
        ) from error


def _target(values: dict[str, Any]) -> Target:
    values["regions"] = tuple(Region(**_values(region)) for region in values.get("regions", ()))
    for name, kind in (
        ("c_options", CStaticOptions),
        ("kit", Kit),
        ("measured", MeasuredCycles),
    ):
        if values.get(name) is not None:
            values[name] = kind(**_values(values[name]))
    return Target(**values)


def _values(content: Any) -> dict[str, Any]:
    """The keys of a mapping; ``_target_`` is for Hydra, and names nothing here."""
    return {key: value for key, value in dict(content).items() if key != "_target_"}


@dataclass(frozen=True)
class Unlimited:
    """In place of a `Target`; nothing can be deployed to it.

    Attributes:
        name: of the file in conf/target.
        board: in words.
        runtime: whose memory is counted, where the cost of a network has one.
    """

    name: str = "none"
    board: str = "no board: any machine"
    runtime: Runtime = "c_static"
    limits: Mapping[str, int] = field(default_factory=dict, init=False)

    @property
    def platform(self) -> Platform:
        """Where the cost of a network is counted."""
        return Platform(self.runtime)
