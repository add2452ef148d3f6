"""The long check of the TFLM memory model: 200 random architectures of each space and padding, to the byte.

Compares head and tail with what the tflite-micro wheel allocates on this 64-bit host, and the Cortex-M's arena with it as upper bound.
Run: ``python tests/scripts/check_tflm_arena.py [NUMBER]``. About two minutes; it prints every exception and exits with their number.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from lmanet.deploy.tflite import write_tflite
from lmanet.deploy.tflm import run_tflm
from lmanet.space import load_space, operators
from lmanet.space.tflite import tflite_operators
from lmanet.space.tflm import arena_of, tflm_arena
from lmanet.space.tflm_layout import X86_64


def _random_graph():
    path = Path(__file__).parents[1] / "deploy" / "conftest.py"
    spec = importlib.util.spec_from_file_location("deploy_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.random_graph


def check(architecture, random_graph) -> str:
    """An empty string where all agree, else what does not."""
    graph = operators(architecture, 100)
    size = architecture.resolution
    measured = run_tflm(write_tflite(random_graph(graph), "check"), np.empty((0, size, size, 3), np.int8))
    host = arena_of(tflite_operators(graph), "reference", X86_64)
    faults = []
    if host.head_bytes != measured.measured_head_bytes:
        faults.append(f"head {host.head_bytes}, measured {measured.measured_head_bytes}")
    if host.tail_bytes != measured.measured_tail_bytes:
        faults.append(f"tail on this host {host.tail_bytes}, measured {measured.measured_tail_bytes}")
    for kernels in ("reference", "cmsis_nn"):
        if (arena := tflm_arena(graph, kernels).arena_bytes) > measured.measured_arena_bytes:
            faults.append(f"{kernels} {arena} above the host's {measured.measured_arena_bytes}")
    return "; ".join(faults)


def main(number: int) -> int:
    random_graph, exceptions = _random_graph(), 0
    for name in ("lmanet", "mcu"):
        for padding in ("same", "torch"):
            space, rng = load_space(name, {"padding": [padding]}), np.random.default_rng(0)
            faults = [fault for _ in range(number) if (fault := check(space.sample(rng), random_graph))]
            exceptions += len(faults)
            print(f"{name} {padding}: {number - len(faults)} of {number} to the byte", *faults, sep="\n  ", flush=True)
    return min(exceptions, 255)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
