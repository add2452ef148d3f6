"""Deployer: a trained network -> int8, files to flash, and all that was measured on the way."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from lmanet.base import Notice
from lmanet.board import Target
from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.latency import latency_ms
from lmanet.deploy.hearing import give_senses
from lmanet.deploy.int8.agreement import agreement
from lmanet.deploy.int8.calibrate import METHODS, calibrate
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.int8.quantize import quantize
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.verify import MODEL, PROGRAM, Verifier
from lmanet.deploy.settings import Settings
from lmanet.deploy.write.firmware import NETWORK, Example, check, write_firmware
from lmanet.deploy.write.packages import Library, Packaging, write_packages
from lmanet.deploy.write.packages.senses import Stream
from lmanet.errors import ConfigError
from lmanet.files import sha256_of_files
from lmanet.network.graph import INPUT
from lmanet.network.weights import Checkpoint
from lmanet.run.measurement import Measurement
from lmanet.run.notices import core_stands_in, not_compared
from lmanet.run.results import Deployed
from lmanet.space import estimate_on

FIRMWARE = "firmware"
PACKAGES = "packages"
# A user may change what is in them.
CHANGED = (f"{FIRMWARE}/", f"{PACKAGES}/")


class Deployer:
    """Quantises networks, writes their files, and verifies them.

    Args:
        packaging: libraries that are written for a user's tools.
        stream: gives what makes a network's input of samples or of a sensor's values, once training
            data are known; its C goes into firmware and libraries.

    Raises:
        ConfigError: the target is no board, or a tool is missing.
    """

    def __init__(
        self,
        target: Target,
        settings: Settings,
        packaging: Packaging | None = None,
        stream: Callable[[], Stream | None] = lambda: None,
    ) -> None:
        if not isinstance(target, Target):
            raise ConfigError(
                f"target={getattr(target, 'name', target)!r} is no board; take one of conf/target, "
                "by lmanet.load_target"
            )
        self.target = target
        self.settings = settings
        self.stream = stream
        self.packaging = packaging or Packaging()
        usual = (target.kit.package,) if target.kit.package else ()
        chosen = self.packaging.packages
        self.packages = usual if chosen is None else tuple(chosen)
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
        """Write ``model_int8.tflite``, ``c/``, ``firmware/`` and ``packages/`` into ``folder`` and
        run the network everywhere.

        Args:
            graph: the network in int8.
            checkpoint: the float network that it was made of.
            inputs: normalised images (N, 3, R, R): the first are run in all runtimes, the
                calibration images in int8 and in float.
            folder: to be written.
            run_id: goes into the ``.tflite`` file.

        Raises:
            DeployError: two runtimes differ, or a hop of sound is longer than a clip.
            ConfigError: a tool that is asked for is missing.
        """
        target = self.target
        images = to_int8(inputs[: self.settings.compare_images], graph.scales[INPUT])
        outputs, measurement = self.verifier.verify(graph, images, folder, run_id)
        example = Example(images[0], outputs[0])
        write_firmware(
            folder / FIRMWARE, folder / PROGRAM, target, example, measurement.measured_bss_bytes
        )
        host = self._host_network(folder)
        text = check(example)
        if stream := self.stream():
            text = give_senses(stream, graph, folder / FIRMWARE, host)
        self._write_packages(graph, folder, text)
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
            int8_agreement=self._agreement(graph, checkpoint, inputs, host),
            sha256={
                name: digest
                for name, digest in sha256_of_files(folder).items()
                if not name.startswith(CHANGED)
            },
            packages=tuple(f"{PACKAGES}/{name}" for name in self.packages),
        )

    def notices(self, measurement: Measurement) -> list[Notice]:
        """What is off about how a network was verified."""
        verifier = self.verifier
        return [
            *core_stands_in(verifier.wanted_core, verifier.core, verifier.emulator.name),
            *not_compared(measurement.compared),
        ]

    def _write_packages(self, graph: IntegerGraph, folder: Path, check_text: str) -> None:
        plan = plan_c_static(graph.operators, self.target.platform.c_options)
        library = Library(
            prefix=self.packaging.prefix,
            program=folder / FIRMWARE / NETWORK,
            check=check_text,
            classes=len(graph.labels),
            arena_bytes=plan.arena_bytes,
            output_scale=graph.scales[graph.operators[-1].name].scale,
            shape=graph.operators[0].in_shape,
            stream=self.stream(),
            url=self.packaging.url,
            by_thresholds=graph.thresholds is not None,
        )
        write_packages(library, self.packages, folder / PACKAGES)

    def _host_network(self, folder: Path) -> HostNetwork:
        with tempfile.TemporaryDirectory(prefix="lmanet-") as scratch:
            return HostNetwork(
                self.verifier.toolchain.compile_host_network(
                    folder / PROGRAM, Path(scratch) / "network.so"
                )
            )

    def _agreement(
        self, graph: IntegerGraph, checkpoint: Checkpoint, inputs: Tensor, host: HostNetwork
    ) -> float:
        return agreement(
            fold(checkpoint.network), host, inputs[: self.calibrating(inputs)], graph.scales[INPUT]
        )
