"""The long check of bits and arenas: random architectures of each space at full size through every runtime.

Outputs of the generated C on the emulated Cortex-M7 and on this machine must be TFLM's; the ELF's .bss and TFLM's head must be what the
memory models say. What the emulated board's 4 MB of RAM and of flash do not hold is counted and left out.
Run: ``python tests/scripts/check_runtimes.py [NUMBER] [--toolchain zig] [--emulator unicorn] [--images 1] [--seed 0]``. The networks are
far larger than a board's, a thousand million multiplications are usual: 200 of each take an hour. It exits with the number of exceptions.
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

from lmanet.deploy.emulator import core, qemu, unicorn
from lmanet.deploy.emulator.machine import FLASH_BYTES, RAM_BYTES
from lmanet.deploy.host import HostNetwork
from lmanet.deploy.verify import PROGRAM, Verifier
from lmanet.errors import LmanetError
from lmanet.space import architecture_id, estimate, load_space, operators
from lmanet.space.tflm import tflm_arena

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
        self.verifier = Verifier(toolchain=options.toolchain, emulator=options.emulator)
        self.images, self.seed = options.images, options.seed
        self.random_graph = random_graph_function()

    def space(self, name: str, number: int) -> Counter[str]:
        space, rng = load_space(name), np.random.default_rng(self.seed)
        results: Counter[str] = Counter()
        for i in range(number):
            architecture, start = space.sample(rng), time.monotonic()
            result, figures = self.network(architecture, i)
            results[result] += 1
            print(f"{name} {i} {architecture_id(architecture)} {result} {figures} {time.monotonic() - start:.1f} s", flush=True)
        return results

    def network(self, architecture, seed: int) -> tuple[str, str]:
        """``equal``, ``RAM``, ``flash`` or ``exception``; and figures, or what went wrong."""
        cost = estimate(architecture, CLASSES)
        for memory, needed, given in (("RAM", cost.peak_sram_bytes, RAM_BYTES), ("flash", cost.flash_bytes, FLASH_BYTES)):
            if needed + OTHER_BYTES > given:
                return memory, f"{needed} bytes"
        try:
            with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
                return "equal", self.verified(architecture, seed, Path(folder) / "network")
        except LmanetError as error:
            return ("flash", "at link time") if TOO_LARGE.search(str(error)) else ("exception", str(error))

    def verified(self, architecture, seed: int, folder: Path) -> str:
        size = architecture.resolution
        graph = self.random_graph(operators(architecture, CLASSES), seed)
        inputs = np.random.default_rng(seed).integers(-128, 128, (self.images, size, size, 3)).astype(np.int8)
        outputs, measured = self.verifier.verify(graph, inputs, folder)  # compares bits and .bss
        library = self.verifier.toolchain.compile_host_network(folder / PROGRAM, folder / "host.so")
        if (HostNetwork(library).run(inputs) != outputs).any():
            raise LmanetError("the C on this machine differs from TFLM")
        if (head := tflm_arena(graph.operators, "reference").head_bytes) != measured.measured_tflm_head_bytes:
            raise LmanetError(f"TFLM's head has {measured.measured_tflm_head_bytes} bytes, the memory model says {head}")
        million_macs = estimate(architecture, CLASSES).macs / 1e6
        values = len(np.unique(outputs))
        per_mac = measured.measured_instructions / million_macs / 1e6
        return f"{million_macs:.0f} MMACs, .bss {measured.measured_bss_bytes}, head {head}, {values} values, {per_mac:.2f} a MAC"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=200)
    parser.add_argument("--toolchain", default="zig")
    parser.add_argument("--emulator", default="unicorn")
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lift_limits()
    check, start = Check(options), time.monotonic()
    results = {name: check.space(name, options.number) for name in ("lmanet", "mcu")}
    print(f"\n{options.toolchain} + {options.emulator}, {options.images} images, seed {options.seed}, {time.monotonic() - start:.0f} s")
    print("| space | networks | equal in all | RAM over 4 MB | flash over 4 MB | exceptions |\n| --- | --- | --- | --- | --- | --- |")
    for name, counts in results.items():
        print("|", " | ".join(map(str, (name, counts.total(), *(counts[key] for key in ("equal", "RAM", "flash", "exception"))))), "|")
    return min(sum(counts["exception"] for counts in results.values()), 255)


if __name__ == "__main__":
    sys.exit(main())
