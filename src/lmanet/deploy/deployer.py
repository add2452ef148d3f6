"""Deployer: a trained network -> int8, files to flash, and all that was measured on the way."""

import tempfile
from pathlib import Path

from torch import Tensor

from lmanet.board import Target
from lmanet.cost.latency import latency_ms
from lmanet.deploy.int8.agreement import agreement
from lmanet.deploy.int8.calibrate import METHODS, calibrate
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.int8.quantize import quantize
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.verify import MODEL, PROGRAM, Verifier
from lmanet.deploy.settings import Settings
from lmanet.deploy.write.firmware import Example, write_firmware
from lmanet.errors import ConfigError
from lmanet.files import sha256_of_files
from lmanet.network.graph import INPUT
from lmanet.network.weights import Checkpoint
from lmanet.run.results import Deployed
from lmanet.space import estimate_on

FIRMWARE = "firmware"


class Deployer:
    """Quantises networks, writes their files, and verifies them.

    Raises:
        ConfigError: the target is no board, or a tool is missing.
    """

    def __init__(self, target: Target, settings: Settings) -> None:
        if not isinstance(target, Target):
            raise ConfigError(
                f"target={getattr(target, 'name', target)!r} is no board; take one of conf/target, "
                "by lmanet.load_target"
            )
        self.target = target
        self.settings = settings
        self.verifier = Verifier(
            target.core, settings.toolchain, settings.emulator, target.platform.c_options
        )

    def quantize(self, checkpoint: Checkpoint, inputs: Tensor) -> IntegerGraph:
        """Bring a trained network to int8 by calibration.

        Args:
            inputs: normalised images of the training set (N, 3, R, R).
        """
        folded = fold(checkpoint.network)
        ranges = calibrate(
            folded, inputs[: self.calibrating(inputs)], METHODS[self.settings.calibration]
        )
        return quantize(folded, ranges, checkpoint.classes, checkpoint.mean, checkpoint.std)

    def calibrating(self, inputs: Tensor) -> int:
        """How many of the images calibrate; int8 and float are compared on the same."""
        return min(len(inputs), self.settings.calibration_images)

    def deploy(
        self, graph: IntegerGraph, checkpoint: Checkpoint, inputs: Tensor, folder: Path, run_id: str
    ) -> Deployed:
        """Write ``model_int8.tflite``, ``c/`` and ``firmware/`` into ``folder`` and run the network
        everywhere.

        Args:
            graph: the network in int8.
            checkpoint: the float network that it was made of.
            inputs: normalised images (N, 3, R, R): the first are run in all runtimes, the
                calibration images in int8 and in float.
            folder: to be written.
            run_id: goes into the ``.tflite`` file.

        Raises:
            DeployError: two runtimes differ.
            ConfigError: a tool that is asked for is missing.
        """
        target = self.target
        images = to_int8(inputs[: self.settings.compare_images], graph.scales[INPUT])
        outputs, measurement = self.verifier.verify(graph, images, folder, run_id)
        example = Example(images[0], outputs[0])
        write_firmware(
            folder / FIRMWARE, folder / PROGRAM, target, example, measurement.measured_bss_bytes
        )
        return Deployed(
            folder=str(folder),
            tflite=MODEL,
            program=PROGRAM,
            firmware=FIRMWARE,
            target=target.name,
            clock_mhz=target.clock_mhz,
            cost=estimate_on(checkpoint.network.architecture, len(graph.labels), target.platform),
            measurement=measurement,
            estimated_latency_ms=latency_ms(
                measurement.measured_instructions,
                target.core,
                target.clock_mhz,
                measured=target.measured,
            ),
            measured_cycles=target.measured if target.measured_is_enough else None,
            int8_agreement=self._agreement(graph, checkpoint, inputs, folder),
            sha256={  # a user may change the firmware
                name: digest
                for name, digest in sha256_of_files(folder).items()
                if not name.startswith(f"{FIRMWARE}/")
            },
        )

    def _agreement(
        self, graph: IntegerGraph, checkpoint: Checkpoint, inputs: Tensor, folder: Path
    ) -> float:
        with tempfile.TemporaryDirectory(prefix="lmanet-") as scratch:
            int8 = HostNetwork(
                self.verifier.toolchain.compile_host_network(
                    folder / PROGRAM, Path(scratch) / "network.so"
                )
            )
        return agreement(
            fold(checkpoint.network), int8, inputs[: self.calibrating(inputs)], graph.scales[INPUT]
        )
