"""Stage: the deployed network on a board, for logits, cycles and milliseconds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lmanet.base import Above0, AtLeast1, Notice, require_packages
from lmanet.board import Target
from lmanet.errors import BoardError, ConfigError
from lmanet.measure.bench import Bench
from lmanet.measure.local import learn
from lmanet.run.folder import MEASURED_ON, RunFolder
from lmanet.run.measurement import BoardMeasurement
from lmanet.run.results import BoardRun, Deployment
from lmanet.steps import BoardProgram, Checked, ImageData

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)
MEASURED = "measured"
CLOCK_SHARE = 0.01  # by which a board's clock may miss its target's, which is rounded to MHz


class Programs(Protocol):
    """What is needed of deployment; it is handed in, as no step imports another."""

    def of_deployed(
        self, line: Deployment, deployed: Path, pixels: "Tensor", folder: Path
    ) -> BoardProgram:
        """Firmware of a deployed network."""


@dataclass
class Measure:
    """Stage: measures the newest network that was deployed to the target on its board.

    Adds a line to ``board.jsonl``, also where the board is at fault, and a folder with the
    firmware's sources to ``measure/``.

    Attributes:
        data: of the run; its validation images are sent.
        target: the board.
        firmware: (target, num_classes) -> what makes firmware.
        port, baud, timeout_s, flash, chip, runs: as in `Bench`.
        images: different images that are sent.
        local: folder for files of boards whose cycles were measured; None writes none.
    """

    data: ImageData
    target: Target
    firmware: Callable[..., Programs]
    port: str | None = None
    baud: AtLeast1 = 115200
    timeout_s: Above0 = 30
    flash: str | None = None
    chip: str | None = None
    images: AtLeast1 = 4
    runs: AtLeast1 = 20
    local: str | None = None

    def __post_init__(self) -> None:
        places = self.port, self.baud, self.timeout_s, self.flash, self.chip, self.runs
        self.bench = Bench(*places)

    def require(self) -> None:
        """Raise `ConfigError` where a setting or a package is missing."""
        require_packages("the stage measure", "deploy", "serial")
        self.made = self.firmware(target=self.target, num_classes=self.data.num_classes)
        self.bench.require(self.target.core)
        if isinstance(self.made, Checked):
            self.made.require()

    def run(self, folder: RunFolder) -> None:
        line = self._deployed(folder)
        where = folder.path / MEASURED_ON / Path(line.deployed.folder).name
        program = self.made.of_deployed(
            line, folder.path / line.deployed.folder, self._pixels(), where
        )
        log.info("firmware: %s", program.elf or program.folder)
        try:
            figures = self.bench.measure(program, self.target.core)
        except BoardError as error:
            folder.boards.append(self._line(line, error.status, error=str(error)))
            raise
        folder.boards.append(self._line(line, MEASURED, figures=figures))
        folder.say(_notices(figures, self.target))
        log.info("%s", figures.told)
        if self.local:
            learn(self.target, figures, Path(self.local))

    def _deployed(self, folder: RunFolder) -> Deployment:
        lines = [
            line for line in folder.deployments.read() if line.deployed.target == self.target.name
        ]
        if not lines:
            raise ConfigError(
                f"{folder.path} has no network that was deployed to target={self.target.name}; run "
                f"stages=[deploy,measure] target={self.target.name}"
            )
        return lines[-1]

    def _pixels(self) -> "Tensor":
        import torch

        self.data.setup("fit")
        batches = self.data.val_dataloader(self.images, torch.device("cpu"))
        return next(iter(batches))[0][: self.images]

    def _line(
        self,
        line: Deployment,
        status: str,
        error: str | None = None,
        figures: BoardMeasurement | None = None,
    ) -> BoardRun:
        return BoardRun(
            architecture=line.architecture,
            checkpoint=line.checkpoint,
            deployed=line.deployed.folder,
            target=self.target.name,
            status=status,
            error=error,
            figures=figures,
        )


def _notices(figures: BoardMeasurement, target: Target) -> list[Notice]:
    if figures.emulated or abs(figures.core_mhz / target.clock_mhz - 1) <= CLOCK_SHARE:
        return []
    return [
        Notice(
            kind="other_clock",
            text=f"The board ran at {figures.core_mhz:g} MHz, and its target has "
            f"{target.clock_mhz} MHz. The measured latency is that of the board's clock.",
        )
    ]
