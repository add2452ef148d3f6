"""Bits and instructions of each core that an emulator has: the five reference networks and random
ones, beside a Cortex-M7.

On each core the generated C must give TFLM's bits. ``python tests/scripts/core_instructions.py
[--random 20] [--seed 0] [--most-macs 8e6] [--toolchains zig gcc] [--csv FILE]``: a line a core,
with the instructions of a network beside those of a Cortex-M7 by the same compiler (lowest, median,
highest). Cortex-M55 comes a second time, as portable C that the compiler turns into Helium. It
exits with the number of networks whose bits differ.
"""

import argparse
import csv
import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmanet.board.cores import USUAL_CORE, Core, cores
from lmanet.cost import estimate
from lmanet.deploy.run.emulator import emulator_named, qemu, unicorn
from lmanet.deploy.run.emulator.machine import FLASH_BYTES
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.run.toolchain import Toolchain, toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.tflite import write_tflite
from lmanet.network.graph import operators
from lmanet.space import load_space

DEPLOY = Path(__file__).parents[1] / "deploy"
CLASSES = 100
OTHER_BYTES = 1 << 16  # code
HELIUM = ("-DLMANET_PORTABLE", "-O3")


class Way(NamedTuple):
    """A core by one compiler."""

    core: Core
    toolchain: Toolchain
    label: str


def module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem + "_of_tests", path)
    found = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def graphs(count: int, seed: int, most_macs: float) -> Iterator[tuple]:
    """Name, integer graph and inputs (1, height, width, channels)."""
    reference = module(DEPLOY / "int8" / "reference.py")
    data = os.environ.get("LMANET_DATA")
    for name in reference.NAMES if data else ():
        yield name, *reference.reference_graph(Path(data), name, "same", 1)
    random_graph = module(DEPLOY / "conftest.py").random_graph
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        space = load_space(("lmanet", "mcu")[number % 2], {"resolution": [32, 48]})
        drawn = iter(lambda: space.sample(rng), None)  # noqa: B023 - used before the next turn
        architecture = next(each for each in drawn if fits(each, most_macs))
        size = architecture.resolution
        graph = random_graph(operators(architecture, CLASSES), number)
        yield f"random {number}", graph, rng.integers(-128, 128, (1, size, size, 3)).astype(np.int8)


def fits(architecture, most_macs: float) -> bool:
    """Whether the emulated board holds a network, and it runs in a while."""
    cost = estimate(architecture, CLASSES)
    return cost.macs <= most_macs and cost.flash_bytes + OTHER_BYTES <= FLASH_BYTES


def ways(names: list[str]) -> list[Way]:
    """Of all cores that an emulator here has, the Cortex-M7 first."""
    found = []
    for toolchain in map(toolchain_named, names):
        for core in sorted(cores().values(), key=lambda core: core.name != USUAL_CORE):
            if not core.emulators or toolchain.name not in core.compilers:
                continue
            if not shutil.which(toolchain.compiler(core.name)[0]):
                continue
            found.append(Way(core, toolchain, f"{core.name} by {toolchain.name}"))
            if core.name == "cortex-m55":
                helium = replace(toolchain, flags=(*toolchain.flags, *HELIUM))
                found.append(Way(core, helium, f"{core.name} by {toolchain.name}, portable -O3"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-macs", type=float, default=8e6)
    parser.add_argument("--toolchains", nargs="+", default=["zig"])
    parser.add_argument("--csv", type=Path, default=Path("core_instructions.csv"))
    options = parser.parse_args()
    # the limit is for networks that a board would run, and for an idle machine
    unicorn.IMAGE_TIME_LIMIT_S = qemu.IMAGE_TIME_LIMIT_S = 1800
    start, rows, wrong = time.monotonic(), [], 0
    for name, graph, inputs in graphs(options.random, options.seed, options.most_macs):
        expected = run_tflm(write_tflite(graph, "cores"), inputs).outputs
        for way in ways(options.toolchains):
            emulator = emulator_named(next(iter(way.core.emulators)))
            with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
                write_program(graph, Path(folder) / "c")
                elf = way.toolchain.compile(
                    Path(folder) / "c", way.core.name, Path(folder) / "network.elf"
                )
                run = emulator.run(elf, inputs.reshape(1, -1), way.core.name)
            same = bool((run.outputs == expected.reshape(run.outputs.shape)).all())
            wrong += not same
            rows.append((name, way.label, emulator.name, run.instructions, same))
            print(*rows[-1], sep=", ", flush=True)
    with options.csv.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("network", "core", "emulator", "measured_instructions", "same_bits"))
        table.writerows(rows)
    print(f"\nseed {options.seed}, {time.monotonic() - start:.0f} s")
    report(rows)
    return min(wrong, 255)


def report(rows: list[tuple]) -> None:
    """A table in Markdown: a line a core."""
    count = {(network, label): instructions for network, label, _, instructions, _ in rows}
    beside, same = defaultdict(list), defaultdict(list)
    for network, label, emulator, instructions, bits in rows:
        usual = f"{USUAL_CORE} by {label.partition(' by ')[2].partition(',')[0]}"
        beside[label, emulator].append(instructions / count[network, usual])
        same[label, emulator].append(bits)
    print("| core | emulator | networks | same bits | lowest | median | highest |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (label, emulator), ratios in beside.items():
        figures = min(ratios), statistics.median(ratios), max(ratios)
        shown = " | ".join(f"{figure:.2f}" for figure in figures)
        equal = sum(same[label, emulator])
        print(f"| {label} | {emulator} | {len(ratios)} | {equal} | {shown} |")


if __name__ == "__main__":
    sys.exit(main())
