"""Deployer: a trained network -> int8, files to flash, and all that was measured on the way."""

from pathlib import Path

from torch import Tensor

from lmanet.deploy.board import Board
from lmanet.deploy.calibrate import METHODS, calibrate
from lmanet.deploy.firmware import write_firmware
from lmanet.deploy.fold import fold
from lmanet.deploy.graph import IntegerGraph
from lmanet.deploy.int8_network import to_int8
from lmanet.deploy.quantize import quantize
from lmanet.deploy.settings import Settings
from lmanet.deploy.verify import MODEL, PROGRAM, Verifier
from lmanet.results import Deployed
from lmanet.space import Architecture, estimate_on
from lmanet.space.graph import INPUT
from lmanet.space.latency import latency_ms
from lmanet.space.weights import Checkpoint

FIRMWARE = "firmware"


class Deployer:
    """Quantises networks, writes their files, and verifies them."""

    def __init__(self, target: Board, settings: Settings) -> None:
        self.target = target
        self.settings = settings
        self.verifier = Verifier(target.core, settings.toolchain, settings.emulator, target.platform.c_options)

    def quantize(self, checkpoint: Checkpoint, inputs: Tensor) -> IntegerGraph:
        """Bring a trained network to int8 by calibration.

        Args:
            inputs: normalised images of the training set (N, 3, R, R).
        """
        folded = fold(checkpoint.network)
        ranges = calibrate(folded, inputs[: self.settings.calibration_images], METHODS[self.settings.calibration])
        return quantize(folded, ranges, checkpoint.classes, checkpoint.mean, checkpoint.std)

    def deploy(self, graph: IntegerGraph, architecture: Architecture, inputs: Tensor, folder: Path, run_id: str) -> Deployed:
        """Write ``model_int8.tflite``, ``c/`` and ``firmware/`` into ``folder`` and run the network everywhere.

        Args:
            inputs: normalised images (N, 3, R, R) to compare outputs on.
            run_id: goes into the ``.tflite`` file.

        Raises:
            DeployError: two runtimes differ, or the board leaves nothing to the network.
            ConfigError: a tool that is asked for is missing.
        """
        target = self.target
        images = to_int8(inputs[: self.settings.compare_images], graph.scales[INPUT])
        outputs, measurement = self.verifier.verify(graph, images, folder, run_id)
        write_firmware(folder / FIRMWARE, folder / PROGRAM, target, images[0], outputs[0])
        return Deployed(
            folder=str(folder),
            tflite=MODEL,
            program=PROGRAM,
            firmware=FIRMWARE,
            target=target.name,
            clock_mhz=target.clock_mhz,
            cost=estimate_on(architecture, len(graph.labels), target.platform),
            measurement=measurement,
            estimated_latency_ms=latency_ms(measurement.measured_instructions, target.core, target.clock_mhz),
        )
