"""The long check of the TFLM memory model: 200 random architectures of each space and padding, to
the byte.

Compares head and tail with what the tflite-micro wheel allocates on this 64-bit host, with the
wheel's kernels. The Cortex-M's arena must stay below; with CMSIS-NN it need not, since its
depthwise kernels from 5x5 on want scratch that the wheel's do not: counted only. Run: ``python
tests/scripts/check_tflm_arena.py [NUMBER]``. Three minutes; it prints every exception and exits
with their number.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from lmanet.cost.tflm.arena import arena_of, tflm_arena
from lmanet.cost.tflm.layout import X86_64
from lmanet.cost.tflm.operators import tflite_operators
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.write.tflite import write_tflite
from lmanet.network.graph import operators
from lmanet.space import load_space


def _random_graph():
    path = Path(__file__).parents[1] / "deploy" / "conftest.py"
    spec = importlib.util.spec_from_file_location("deploy_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.random_graph


def check(architecture, random_graph) -> tuple[str, bool]:
    """What does not agree, an empty string where all does; and whether CMSIS-NN needs more than the
    wheel.
    """
    graph = operators(architecture, 100)
    size = architecture.resolution
    measured = run_tflm(
        write_tflite(random_graph(graph), "check"), np.empty((0, size, size, 3), np.int8)
    )
    host = arena_of(tflite_operators(graph), "reference", X86_64)
    arena = measured.measured_head_bytes + measured.measured_tail_bytes
    faults = []
    if host.head_bytes != measured.measured_head_bytes:
        faults.append(f"head {host.head_bytes}, measured {measured.measured_head_bytes}")
    if host.tail_bytes != measured.measured_tail_bytes:
        faults.append(
            f"tail on this host {host.tail_bytes}, measured {measured.measured_tail_bytes}"
        )
    if (cortex_m := tflm_arena(graph, "reference").arena_bytes) > arena:
        faults.append(f"on a Cortex-M {cortex_m}, above the host's {arena}")
    return "; ".join(faults), tflm_arena(graph, "cmsis_nn").arena_bytes > arena


def main(number: int) -> int:
    random_graph, exceptions = _random_graph(), 0
    for name in ("lmanet", "mcu"):
        for padding in ("same", "torch"):
            space, rng = load_space(name, {"padding": [padding]}), np.random.default_rng(0)
            results = [check(space.sample(rng), random_graph) for _ in range(number)]
            faults = [fault for fault, _ in results if fault]
            exceptions += len(faults)
            more = sum(above for _, above in results)
            print(
                (
                    f"{name} {padding}: {number - len(faults)} of {number} to the byte; CMSIS-NN "
                    f"above the wheel in {more}"
                ),
                flush=True,
            )
            print(*faults, sep="\n", end="\n" if faults else "")
    return min(exceptions, 255)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
