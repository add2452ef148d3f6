"""Fits `lmanet.cost.c_runtime.instructions` to what the emulated Cortex-M7 counts; says how far off
it is on unseen networks.

python tests/scripts/fit_instructions.py [NETWORKS_OF_EACH_SPACE] [--only PIECE] [--shapes
6x1x100]: with ``--only`` all other pieces stay as they are, so that no cost of a network without
pieces of that name changes. ``--shapes``: channels, height and width of the inputs, by turns.
Pieces of a kernel that runs one kind of operator go into the file of that kind.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from conftest import random_graph

from lmanet.cost import estimate
from lmanet.cost.c_runtime.instructions import instruction_table, pieces
from lmanet.deploy.run.emulator import emulator_named
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.network.graph import operators
from lmanet.space import load_space

SPACES = ("lmanet", "mcu")
MOST_MACS, MOST_BYTES = 60_000_000, 2 << 20


def random_operators(seed, space, shapes):
    """Operators of the first random network of a microcontroller's size; every eighth has kernels
    of 1, which no space offers.
    """
    rng, drawn = np.random.default_rng(seed), load_space(space)
    if shapes:
        drawn = drawn.reading(shapes[seed % len(shapes)], resizable=False)
    while True:
        architecture = drawn.sample(rng)
        if seed % 8 == 7:
            stages = [stage.model_copy(update={"kernel": 1}) for stage in architecture.stages]
            architecture = architecture.model_copy(update={"stages": tuple(stages)})
        cost = estimate(architecture, 100)
        if cost.macs < MOST_MACS and max(cost.peak_sram_bytes, cost.flash_bytes) < MOST_BYTES:
            return operators(architecture, 100)


def measured(seed, space, shapes, folder):
    """Pieces and instructions of each kernel call of a random network."""
    graph = random_operators(seed, space, shapes)
    plan = write_program(random_graph(graph, seed), folder)
    elf = toolchain_named("zig").compile(folder, "cortex-m7", folder / "network.elf")
    image = np.random.default_rng(seed).integers(-128, 128, (1, int(np.prod(graph[0].in_shape))))
    run = emulator_named("unicorn").run(elf, image.astype(np.int8))
    return [
        (pieces(step), count) for step, count in zip(plan.steps, run.step_instructions, strict=True)
    ]


def fit(networks, known):
    """Piece -> instructions, least squares of the relative error of each call; none is negative,
    those that are known stay.
    """
    calls = [call for network in networks for call in network]
    names = sorted({name for counts, _ in calls for name in counts if name not in known})
    # A call counts by its share: one of a thousand instructions tells little of a network of a
    # hundred million.
    weights = np.array([instructions**-0.5 for _, instructions in calls])
    table = np.array([[counts[name] for name in names] for counts, _ in calls], float)
    rest = [
        instructions - sum(known.get(name, 0) * times for name, times in counts.items())
        for counts, instructions in calls
    ]
    solution, _ = nnls(table * weights[:, None], np.array(rest) * weights)
    return {**known, **dict(zip(names, solution.tolist(), strict=True))}


def errors(coefficients, networks):
    """Relative error of each network's sum."""
    sums = [
        (
            sum(coefficients.get(name, 0) * n for counts, _ in calls for name, n in counts.items()),
            sum(c for _, c in calls),
        )
        for calls in networks
    ]
    return np.array([estimated / counted - 1 for estimated, counted in sums])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("each", type=int, nargs="?", default=30)
    parser.add_argument("--only", help="beginning of the names of the pieces that are fitted")
    parser.add_argument("--shapes", nargs="+", default=[])
    options = parser.parse_args()
    shapes = [tuple(map(int, shape.split("x"))) for shape in options.shapes]
    known = {
        name: count
        for name, count in instruction_table().items()
        if options.only and not name.startswith(options.only)
    }
    with tempfile.TemporaryDirectory() as folder:
        networks = [
            measured(seed, space, shapes, Path(folder))
            for seed in range(options.each)
            for space in SPACES
        ]
    half = len(networks) // 2
    halves = networks[:half], networks[half:]
    unseen = np.abs(
        np.concatenate([errors(fit(seen, known), other) for seen, other in (halves, halves[::-1])])
    )
    print(
        f"# {len(networks)} networks, each told from the other half: median error "
        f"{np.median(unseen):.1%}, worst {unseen.max():.1%}"
    )
    for name, instructions in sorted(fit(networks, known).items()):
        print(f'    "{name}": {instructions:.2f},')


if __name__ == "__main__":
    main()
