"""The estimate of instructions against the emulated core, on networks of every kind of block."""

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.cost.c_runtime.instructions import estimated_instructions, instruction_table, pieces
from lmanet.cost.c_runtime.steps import c_steps
from lmanet.deploy.run.emulator import emulator_named
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.network import load_architecture
from lmanet.network.graph import operators
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # compiles and emulates

BLOCKS = {"rows": ["depthwise", "mbconv"], "pixels": ["conv", "fused"]}


@pytest.fixture(params=["qwnet_core", "lmanet_core", *BLOCKS])
def architecture(request):
    """Published networks, and two of the other space; the coefficients were
    fitted to none of them.
    """
    if request.param not in BLOCKS:
        return load_architecture(request.param)
    space, rng = (
        load_space("mcu", {"resolution": [32], "stage": {"block": BLOCKS[request.param]}}),
        np.random.default_rng(1001),
    )
    return next(
        each
        for each in iter(lambda: space.sample(rng), None)
        if 1e6 < estimate(each, 10).macs < 30e6
    )


def test_within_three_percent_of_what_is_counted(architecture, integer_graph, tmp_path):
    graph = operators(architecture, 10)
    plan = write_program(integer_graph(graph), tmp_path)
    elf = toolchain_named("zig").compile(tmp_path, "cortex-m7", tmp_path / "network.elf")
    run = emulator_named("unicorn").run(
        elf, np.zeros((1, int(np.prod(graph[0].in_shape))), np.int8)
    )
    assert estimated_instructions(plan.steps) == pytest.approx(run.instructions, rel=0.03)
    for step, counted in zip(plan.steps, run.step_instructions, strict=True):
        alone = estimated_instructions([step])
        assert alone == pytest.approx(counted, rel=0.25, abs=0.01 * run.instructions), step.output


def test_every_piece_of_every_step_is_known():
    for seed in range(50):
        for space in ("lmanet", "mcu"):
            for step in c_steps(
                operators(load_space(space).sample(np.random.default_rng(seed)), 100)
            ):
                assert set(pieces(step)) <= set(instruction_table())
