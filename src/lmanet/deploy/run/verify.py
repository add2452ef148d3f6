"""Verifier: one integer graph through every runtime; the outputs must be the same bits, and what it
takes is measured.
"""

import importlib.util
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.board.cores import USUAL_CORE
from lmanet.cost.c_runtime.plan import CStaticOptions, CStaticPlan
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.run.compare import Compared, compare, has_tflm
from lmanet.deploy.run.elf import program_sizes
from lmanet.deploy.run.emulator import EmulatorRun, emulator_named
from lmanet.deploy.run.emulator.machine import core_for, model_of
from lmanet.deploy.run.tflm import require_tflm
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.flatbuffer import tflite_schema
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.tflite import write_tflite
from lmanet.errors import ConfigError, DeployError
from lmanet.run.measurement import Measurement

MODEL = "model_int8.tflite"
PROGRAM = "c"


class Verifier:
    """Runs networks in TensorFlow Lite Micro and, as our generated C, on an emulated core.

    Args:
        core: a name in `lmanet.board.cores`: compiled for, and emulated. Another stands in for it
            where the emulator has none of this kind.
        toolchain: ``zig`` (from PyPI) or ``gcc`` (arm-none-eabi-gcc).
        emulator: ``unicorn`` (from PyPI) or ``qemu`` (qemu-system-arm).
        options: what the generated C does to save memory.
    """

    def __init__(
        self,
        core: str = USUAL_CORE,
        toolchain: str = "zig",
        emulator: str = "unicorn",
        options: CStaticOptions | None = None,
    ) -> None:
        self.wanted_core = core
        self.core = core_for(core, emulator)
        self.toolchain = toolchain_named(toolchain)
        self.emulator = emulator_named(emulator)
        self.options = options or CStaticOptions()

    def require(self) -> None:
        """Raise `ConfigError` where something that `verify` needs is missing; compiles nothing."""
        if has_tflm():
            require_tflm()
        tflite_schema()
        model_of(self.core, self.emulator.name)
        self.emulator.require()
        for package in ("elftools", "flatbuffers"):
            if importlib.util.find_spec(package) is None:
                raise ConfigError(
                    f"the package {package} is missing, which deployment needs; run `pip install "
                    "lmanet[deploy]`"
                )

    def verify(
        self, graph: IntegerGraph, inputs: NDArray[np.int8], folder: Path, run_id: str = ""
    ) -> tuple[NDArray[np.int8], Measurement]:
        """Write a network's files into ``folder`` and run them on some images; gives the logits,
        int8 (N, classes), and what was measured.

        Args:
            inputs: (N, height, width, channels), in the integers of the network's input.
            run_id: goes into the ``.tflite`` file.

        Raises:
            DeployError: two runtimes differ in an output, or the arena is not what the memory model
                says.
            ConfigError: a tool that is asked for is missing.
            ToolError: a tool hangs.
        """
        start = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        model = write_tflite(graph, run_id)
        (folder / MODEL).write_bytes(model)
        plan = write_program(graph, folder / PROGRAM, self.options)
        with ThreadPoolExecutor(
            max_workers=2
        ) as pool:  # TFLM runs in a process of its own, beside the compiler
            other_job = pool.submit(compare, graph, model, inputs)
            elf = self.toolchain.compile(folder / PROGRAM, self.core, folder / "network.elf")
            run = self.emulator.run(elf, inputs.reshape(len(inputs), -1), self.core)
            other = other_job.result()
        _same_bits(other, run)
        measurement = Measurement(
            toolchain=self.toolchain.name,
            emulator=self.emulator.name,
            core=self.core,
            emulated_core=self.core,
            images=len(inputs),
            tflite_bytes=len(model),
            measured_tflm_head_bytes=other.head_bytes,
            measured_tflm_tail_bytes=other.tail_bytes,
            measured_bss_bytes=_arena(elf, plan),
            measured_flash_bytes=program_sizes(elf).flash_bytes,
            measured_stack_bytes=run.stack_high_water_bytes,
            measured_instructions=run.instructions,
            kernel_instructions=_by_kernel(plan, run),
            seconds=time.monotonic() - start,
            compared=other.runtimes,
        )
        return other.outputs, measurement


def _arena(elf: Path, plan: CStaticPlan) -> int:
    """The ELF's ``.bss``, which holds the arena alone."""
    measured = program_sizes(elf).bss_bytes
    if measured != plan.arena_bytes:
        raise DeployError(
            f"the .bss of {elf} has {measured} bytes, the memory model says {plan.arena_bytes}; "
            "report this network"
        )
    return measured


def _same_bits(other: Compared, run: EmulatorRun) -> None:
    different = (other.outputs != run.outputs.reshape(other.outputs.shape)).any(axis=1)
    if different.any():
        name = "TFLM" if "tflm" in other.runtimes else "lmanet's reference"
        raise DeployError(
            f"the generated C and {name} differ on {different.sum()} of {len(different)} images; "
            "the files were kept: report this network"
        )


def _by_kernel(plan: CStaticPlan, run: EmulatorRun) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for step, instructions in zip(plan.steps, run.step_instructions, strict=True):
        counts[step.kind] += instructions
    return dict(counts)
