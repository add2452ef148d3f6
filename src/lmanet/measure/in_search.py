"""Candidates of a search on a board: an untrained network takes the time of a trained one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lmanet.base import require_packages
from lmanet.board import Target
from lmanet.errors import ConfigError
from lmanet.measure.bench import Bench
from lmanet.network import Architecture
from lmanet.run.measurement import BoardMeasurement, Measurement
from lmanet.steps import BoardProgram, Checked


class Programs(Protocol):
    """What is needed of deployment; it is handed in, as no step imports another."""

    def of_candidate(
        self, architecture: Architecture, folder: Path
    ) -> tuple[Measurement, BoardProgram]:
        """An untrained network through the other runtimes, and its firmware."""


class CandidateMeasurer:
    """Makes firmware of candidates, puts each onto the board, and measures it.

    Args:
        target: the board.
        num_classes: width of the classifier.
        bench: where the board stands.
        firmware: (target, num_classes) -> what makes firmware.
    """

    def __init__(
        self, target: Target, num_classes: int, bench: Bench, firmware: Callable[..., Programs]
    ) -> None:
        self.target, self.bench = target, bench
        self.firmware = firmware(target=target, num_classes=num_classes)

    def require(self) -> None:
        """Say what is missing.

        Raises:
            ConfigError: no port is named, or each network would have to be flashed by hand.
        """
        require_packages("validate=board", "deploy", "serial")
        self.bench.require(self.target.core)
        if self.bench.flash is None and not self.bench.is_emulated:
            raise ConfigError(
                "validate=board flashes each network, and measure.flash is null; take "
                "measure=pyocd, or measure=emulated (conf/measure)"
            )
        if isinstance(self.firmware, Checked):
            self.firmware.require()

    def prepare(self, architecture: Architecture, folder: Path) -> tuple[Measurement, BoardProgram]:
        """As `BoardPrograms.of_candidate`."""
        found, program = self.firmware.of_candidate(architecture, folder)
        if program.elf is None:
            raise ConfigError(
                "validate=board builds each firmware, and measure.firmware.source is null; name "
                "the C file of your board (conf/measure)"
            )
        return found, program

    def measure(self, program: BoardProgram) -> BoardMeasurement:
        """As `Bench.measure`."""
        return self.bench.measure(program, self.target.core)
