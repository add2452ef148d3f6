"""What the reference networks of MLPerf Tiny take under our generated C, as a Markdown table.

``python tests/scripts/mlperf_tiny.py [--seed 0] [--images 4]``: weights are random, as nothing that
is counted depends on them. Each network runs in TensorFlow Lite Micro and on an emulated Cortex-M7;
the outputs must be the same bits, or the script ends with the difference.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from conftest import random_graph

from lmanet.cost.c_runtime.instructions import estimated_instructions
from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.estimate import macs, params
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.deploy.run.verify import Verifier
from lmanet.network.mlperf_tiny import REFERENCES

# Bytes of TFLM's arena with CMSIS-NN on a Cortex-M, as published with the reference submissions.
PUBLISHED_ARENAS = {
    "resnet8": 54_996,
    "mobilenet_v1": 100_708,
    "ds_cnn": 22_820,
    "autoencoder": 2_580,
}
COLUMNS = (
    "network",
    "MACs",
    "parameters",
    "RAM",
    "TFLM's arena, published",
    "TFLM's arena, our model",
    "flash",
    "`.tflite`",
    "instructions",
    "estimated",
)


def row(name: str, seed: int, images: int) -> list[str]:
    graph = REFERENCES[name]()
    channels, height, width = graph[0].in_shape
    inputs = np.random.default_rng(seed).integers(-128, 128, (images, height, width, channels))
    with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
        integers = random_graph(graph, seed)
        _, measured = Verifier().verify(integers, inputs.astype(np.int8), Path(folder))
    figures = (
        sum(map(macs, graph)),
        sum(map(params, graph)),
        measured.measured_bss_bytes,
        PUBLISHED_ARENAS[name],
        tflm_arena(graph).arena_bytes,
        measured.measured_flash_bytes,
        measured.tflite_bytes,
        measured.measured_instructions,
        estimated_instructions(plan_c_static(graph).steps),
    )
    return [name, *(f"{figure:,}" for figure in figures)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=4)
    options = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in REFERENCES:
        print(f"| {' | '.join(row(name, options.seed, options.images))} |", flush=True)


if __name__ == "__main__":
    main()
