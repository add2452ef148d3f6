"""Deployer: a trained network -> int8, files to flash, and all that was measured on the way."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lmanet.deploy.board import Board
from lmanet.deploy.calibrate import METHODS, calibrate
from lmanet.deploy.firmware import write_firmware
from lmanet.deploy.fold import Folded
from lmanet.deploy.graph import IntegerGraph
from lmanet.deploy.int8_network import to_int8
from lmanet.deploy.latency import latency_ms
from lmanet.deploy.quantize import quantize
from lmanet.deploy.verify import MODEL, PROGRAM, Verifier
from lmanet.errors import ConfigError
from lmanet.records import Deployed
from lmanet.space import Architecture, estimate
from lmanet.space.graph import INPUT
from lmanet.space.weights import Checkpoint

FIRMWARE = "firmware"


@dataclass(frozen=True)
class Calibration:
    """How the ranges of activations are found.

    Attributes:
        method: ``minmax``, ``percentile`` or ``mse``.
        images: of the training set that are looked at.
    """

    method: str = "mse"
    images: int = 256

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"calibration method={self.method!r} is unknown; legal are {', '.join(METHODS)} (conf/deploy)")
        if self.images < 1:
            raise ConfigError(f"calibration images={self.images}: at least one is needed (conf/deploy)")

    def quantize(self, folded: Folded, checkpoint: Checkpoint, inputs: Tensor) -> IntegerGraph:
        """Quantise a folded network after its training.

        Args:
            checkpoint: that it was folded from, for what its input and output mean.
            inputs: normalised images of the training set (N, 3, R, R).
        """
        ranges = calibrate(folded, inputs[: self.images], METHODS[self.method])
        return quantize(folded, ranges, checkpoint.classes, checkpoint.mean, checkpoint.std)


class Deployer:
    """Writes and verifies all files of a network.

    Args:
        target: the board.
        verifier: that runs the network.
        compare_images: on which the runtimes must agree.
    """

    def __init__(self, target: Board, verifier: Verifier, compare_images: int = 4) -> None:
        if compare_images < 1:
            raise ConfigError(f"deploy.compare_images={compare_images}: at least one image must be compared (conf/deploy)")
        self.target = target
        self.verifier = verifier
        self.compare_images = compare_images

    def deploy(self, graph: IntegerGraph, architecture: Architecture, inputs: Tensor, folder: Path, run_id: str) -> Deployed:
        """Write ``model_int8.tflite``, ``c/`` and ``firmware/`` into ``folder`` and run the network everywhere.

        Args:
            inputs: normalised images (N, 3, R, R).
            run_id: written into the ``.tflite`` file.

        Raises:
            DeployError: two runtimes differ, or the network does not fit the board.
            ConfigError: a tool that is asked for is missing.
        """
        images = to_int8(inputs[: self.compare_images], graph.scales[INPUT])
        measurement = self.verifier.verify(graph, images, folder, run_id)
        write_firmware(folder / FIRMWARE, folder / PROGRAM, self.target, images[0], self.verifier)
        return Deployed(
            folder=str(folder),
            tflite=MODEL,
            program=PROGRAM,
            firmware=FIRMWARE,
            target=self.target.name,
            clock_mhz=self.target.clock_mhz,
            cost=estimate(architecture, len(graph.labels), self.target.runtime),
            measurement=measurement,
            estimated_latency_ms=latency_ms(measurement.measured_instructions, self.target.core, self.target.clock_mhz),
        )
