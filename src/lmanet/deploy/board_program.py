"""Networks as firmware that is measured over a serial line, each with images and the bits that it
must answer.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmanet.board import Target
from lmanet.board.cores import core_named
from lmanet.deploy.candidate import IMAGES, untrained_graph
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.int8.read_tflite import read_tflite
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import LINKER_SCRIPT, LINKER_SCRIPTS, STARTING
from lmanet.deploy.run.verify import MODEL, PROGRAM, Verifier
from lmanet.deploy.settings import Settings
from lmanet.deploy.write.firmware import LINKER_SCRIPT as OF_BOARD
from lmanet.deploy.write.firmware import Example, write_firmware
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.serial import (
    NETWORK,
    board_source,
    serial_sources,
    write_serial,
    write_sketch,
)
from lmanet.errors import ConfigError, DeployError
from lmanet.network import Architecture
from lmanet.network.graph import INPUT
from lmanet.network.images import fit, normalise
from lmanet.run.measurement import Measurement
from lmanet.run.results import Deployment
from lmanet.space import architecture_id
from lmanet.steps import BoardProgram

EMULATOR = "mps2"  # the board that is an emulator, with a linker script of its own
ELF = "serial.elf"
ARDUINO = "arduino"  # the delivery whose tool opens a sketch
# Start-up and memory functions of a bare board; the emulated one has a main beside them.
BARE: Sequence[Path] = STARTING[:2]


class _Checked(NamedTuple):
    """What the other runtimes said of a network: images, their logits, and instructions."""

    inputs: NDArray[np.int8]
    logits: NDArray[np.int8]
    instructions: int


class BoardPrograms:
    """Makes firmware that is measured over a serial line.

    Args:
        target: the board.
        num_classes: width of the classifier.
        settings: by which the stage deploy compiles.
        source: C file of the board, or the name of one that is shipped; None builds nothing.
        text: MLPerf Tiny's commands are understood, too.

    Raises:
        ConfigError: the target is no board, there is no such file, or a tool is missing.
    """

    def __init__(
        self,
        target: Target,
        num_classes: int,
        settings: Settings,
        source: str | None = None,
        text: bool = True,
    ) -> None:
        if not isinstance(target, Target):
            raise ConfigError(
                f"target={getattr(target, 'name', target)!r} is no board to measure; choose one in "
                "conf/target"
            )
        self.target, self.num_classes, self.text = target, num_classes, text
        self.named, self.source = source, board_source(source)
        self.verifier = Verifier(
            target.core, settings.toolchain, settings.emulator, target.platform.c_options
        )

    def require(self) -> None:
        """Raise `ConfigError` where a tool is missing."""
        self.verifier.require()
        self.verifier.toolchain.core_flags(self.target.core)

    def of_deployed(
        self, line: Deployment, deployed: Path, pixels: Tensor, folder: Path
    ) -> BoardProgram:
        """Firmware of a deployed network; its C is written anew from the int8 file.

        Args:
            line: of the run.
            deployed: its folder.
            pixels: uint8 (N, channels, H, W).
            folder: to be written.

        Raises:
            DeployError: the int8 file is not that of this network, or it does not compile.
        """
        graph = read_tflite(deployed / MODEL, line.architecture, self.num_classes)
        size = line.architecture.size
        inputs = to_int8(
            normalise(fit(pixels, size), graph.mean, graph.std), graph.scales[INPUT]
        ).reshape(len(pixels), -1)
        with TemporaryDirectory(prefix="lmanet-") as name:
            program = Path(name) / PROGRAM
            write_program(graph, program, self.target.platform.c_options)
            library = self.verifier.toolchain.compile_host_network(program, Path(name) / "host.so")
            logits = HostNetwork(library).run(inputs)
            instructions = line.deployed.measurement.measured_instructions
            return self._made(program, folder, _Checked(inputs, logits, instructions))

    def of_candidate(
        self, architecture: Architecture, folder: Path
    ) -> tuple[Measurement, BoardProgram]:
        """An untrained network through the other runtimes, and its firmware.

        Raises:
            DeployError: the runtimes disagree, or one of them does not take it.
        """
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(IMAGES, *architecture.input_shape, generator=generator)
        graph = untrained_graph(architecture, self.num_classes, images)
        inputs = to_int8(images, graph.scales[INPUT])
        logits, measurement = self.verifier.verify(
            graph, inputs, folder, architecture_id(architecture)
        )
        checked = _Checked(
            inputs.reshape(len(inputs), -1), logits, measurement.measured_instructions
        )
        return measurement, self._made(folder / PROGRAM, folder / "serial", checked)

    def _made(self, program: Path, folder: Path, checked: _Checked) -> BoardProgram:
        network = write_serial(folder, program, self.source, self.text, self.target.name)
        if self.target.kit.package == ARDUINO:
            write_sketch(folder, self.text)
        elf = self._built(program, folder, checked) if self.source else None
        return BoardProgram(network, folder, elf, *checked)

    def _built(self, program: Path, folder: Path, checked: _Checked) -> Path:
        sources = [
            *sorted((folder / NETWORK).glob("*.c")),  # which was written anew
            *(folder / name for name in serial_sources(self.text)),
            *BARE,
        ]
        try:
            with TemporaryDirectory(prefix="lmanet-") as name:
                machine = core_named(self.target.core).measured_machine
                script, caches = LINKER_SCRIPTS.get(machine, LINKER_SCRIPT), False
                if self.named != EMULATOR:
                    example = Example(checked.inputs[0], checked.logits[0])
                    write_firmware(Path(name), program, self.target, example, 0)
                    script, caches = Path(name) / OF_BOARD, self.target.has_caches
                definitions = ("-DLMANET_CACHES",) if caches else ()
                return self.verifier.toolchain.link(
                    sources, self.target.core, script, folder / ELF, definitions
                )
        except DeployError as error:
            if not self.text or "RAM" not in str(error):
                raise
            raise DeployError(
                f"{error}\nWith measure.firmware.text=false (conf/measure) it takes an image less"
            ) from error
