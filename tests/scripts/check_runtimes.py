"""The long check of bits and arenas: random architectures of each space at full size through every
runtime.

Outputs of the generated C on both emulated Cortex-M7s (zig, unicorn; gcc, QEMU) and on this machine
must be TFLM's; the .bss of both ELFs and TFLM's head must be what the memory models say. ``python
tests/scripts/check_runtimes.py [NUMBER] [--most-macs 150e6] [--images 1] [--seed 0] [--blocks conv
fused] [--shapes 1x49x10 6x1x100]``: networks with more multiplications, and those that the emulated
board's 4 MB of RAM and of flash do not hold, are drawn anew and counted. With ``--blocks`` each
network has one of these blocks at least, and spaces that do not offer them all are left out.
``--shapes`` are channels, height and width of the inputs, by turns. It exits with the number of
exceptions.
"""

import argparse
import importlib.util
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from lmanet.cost import estimate
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.deploy.run.elf import program_sizes
from lmanet.deploy.run.emulator import core, qemu, unicorn
from lmanet.deploy.run.emulator.machine import FLASH_BYTES, RAM_BYTES
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.verify import PROGRAM, Verifier
from lmanet.errors import LmanetError
from lmanet.network.graph import operators
from lmanet.space import architecture_id, load_space

CLASSES = 100
TOO_LARGE = re.compile(r"overflowed by|will not fit in region")  # GNU's and LLVM's linker
OTHER_BYTES = 1 << 16  # stack, or code: what the board needs beside the network


def random_graph_function():
    path = Path(__file__).parents[1] / "deploy" / "conftest.py"
    spec = importlib.util.spec_from_file_location("deploy_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.random_graph


def lift_limits() -> None:
    """The limits of time are for networks that a board would run."""
    unicorn.IMAGE_TIME_LIMIT_S = qemu.IMAGE_TIME_LIMIT_S = 1800
    core.MAX_INSTRUCTIONS = 10**12


class Check:
    def __init__(self, options: argparse.Namespace) -> None:
        self.verifier = Verifier(toolchain="zig", emulator="unicorn")
        self.second = Verifier(toolchain="gcc", emulator="qemu")
        self.options = options
        self.random_graph = random_graph_function()

    def space(self, name: str) -> Counter[str]:
        space, rng = load_space(name), np.random.default_rng(self.options.seed)
        results: Counter[str] = Counter()
        while results["equal"] + results["exception"] < self.options.number:
            shapes = self.options.shapes
            shape = shapes[results.total() % len(shapes)] if shapes else None
            reading = space.reading(shape, resizable=False) if shape else space
            architecture, start = self.drawn(reading, rng), time.monotonic()
            result, figures = self.network(architecture, results.total())
            results[result] += 1
            if result in ("equal", "exception"):
                print(
                    (
                        f"{name} {'x'.join(map(str, architecture.input_shape))} "
                        f"{architecture_id(architecture)} {result} {figures} "
                        f"{time.monotonic() - start:.1f} s"
                    ),
                    flush=True,
                )
        return results

    def drawn(self, space, rng: np.random.Generator):
        """The next random network with a block that was asked for."""
        wanted = self.options.blocks
        draws = iter(lambda: space.sample(rng), None)
        return next(
            each
            for each in draws
            if not wanted or any(stage.block in wanted for stage in each.stages)
        )

    def network(self, architecture, seed: int) -> tuple[str, str]:
        """``equal``, ``exception``, or why the network was not taken; and figures, or what went
        wrong.
        """
        cost = estimate(architecture, CLASSES)
        for reason, needed, given in (
            ("MACs", cost.macs, self.options.most_macs),
            ("RAM", cost.peak_sram_bytes + OTHER_BYTES, RAM_BYTES),
            ("flash", cost.flash_bytes + OTHER_BYTES, FLASH_BYTES),
        ):
            if needed > given:
                return reason, ""
        try:
            with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
                return "equal", self.verified(architecture, seed, Path(folder) / "network")
        except LmanetError as error:
            return ("flash", "") if TOO_LARGE.search(str(error)) else ("exception", str(error))

    def verified(self, architecture, seed: int, folder: Path) -> str:
        channels, height, width = architecture.input_shape
        graph = self.random_graph(operators(architecture, CLASSES), seed)
        inputs = (
            np.random.default_rng(seed)
            .integers(-128, 128, (self.options.images, height, width, channels))
            .astype(np.int8)
        )
        outputs, measured = self.verifier.verify(graph, inputs, folder)  # compares bits and .bss
        elf = self.second.toolchain.compile(folder / PROGRAM, "cortex-m7", folder / "second.elf")
        run = self.second.emulator.run(elf, inputs.reshape(len(inputs), -1))
        if (run.outputs != outputs).any() or program_sizes(
            elf
        ).bss_bytes != measured.measured_bss_bytes:
            raise LmanetError("outputs or .bss by gcc and QEMU differ from TFLM's or zig's")
        library = self.verifier.toolchain.compile_host_network(folder / PROGRAM, folder / "host.so")
        if (HostNetwork(library).run(inputs) != outputs).any():
            raise LmanetError("the C on this machine differs from TFLM")
        if (
            head := tflm_arena(graph.operators, "reference").head_bytes
        ) != measured.measured_tflm_head_bytes:
            raise LmanetError(
                f"TFLM's head has {measured.measured_tflm_head_bytes} bytes, the memory model says "
                f"{head}"
            )
        million_macs, instructions = (
            estimate(architecture, CLASSES).macs / 1e6,
            (measured.measured_instructions, run.instructions),
        )
        per_mac = ", ".join(f"{count / million_macs / 1e6:.2f}" for count in instructions)
        return (
            f"{million_macs:.0f} MMACs, .bss {measured.measured_bss_bytes}, head {head}, "
            f"{len(np.unique(outputs))} values, {per_mac} a MAC"
        )


def shape_of(text: str) -> tuple[int, ...]:
    """``6x1x100`` -> channels, height and width."""
    channels, height, width = map(int, text.split("x"))
    return channels, height, width


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=200)
    parser.add_argument("--most-macs", type=float, default=150e6)
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--blocks", nargs="+", default=[])
    parser.add_argument("--shapes", nargs="+", default=[], type=shape_of)
    options = parser.parse_args()
    lift_limits()
    check, start = Check(options), time.monotonic()
    offering = [
        name
        for name in ("lmanet", "mcu")
        if set(options.blocks) <= set(load_space(name).stage.fields["block"])
    ]
    results = {name: check.space(name) for name in offering}
    print(
        f"\n{options.images} images, seed {options.seed}, at most {options.most_macs:.0f} MACs, "
        f"{time.monotonic() - start:.0f} s"
    )
    print(
        "| space | networks | equal in all | exceptions | drawn with more MACs | RAM | flash over "
        "4 MB |\n|---|---|---|---|---|---|---|"
    )
    for name, counts in results.items():
        taken = counts["equal"] + counts["exception"]
        columns = (
            name,
            taken,
            *(counts[key] for key in ("equal", "exception", "MACs", "RAM", "flash")),
        )
        print("|", " | ".join(map(str, columns)), "|")
    return min(sum(counts["exception"] for counts in results.values()), 255)


if __name__ == "__main__":
    sys.exit(main())
