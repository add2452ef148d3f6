"""Random networks through every runtime: both compilers and emulators, this machine and TFLM give
the same bits in the memory foretold.

tests/scripts/check_runtimes.py does the same with 200 of each space at full size.
"""

import shutil

import numpy as np
import pytest

from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.deploy.run.verify import Verifier
from lmanet.network.graph import operators

pytestmark = pytest.mark.slow  # compiles and emulates

IMAGES = 3


@pytest.fixture(scope="module", params=["zig+unicorn", "gcc+qemu"])
def verifier(request):
    if request.param == "gcc+qemu" and not (
        shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")
    ):
        pytest.skip(
            "needs arm-none-eabi-gcc and qemu-system-arm: apt-get install gcc-arm-none-eabi "
            "qemu-system-arm"
        )
    toolchain, emulator = request.param.split("+")
    return Verifier(toolchain=toolchain, emulator=emulator)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_every_runtime_gives_the_same_bits(
    verifier, on_host, integer_graph, small_architecture, tmp_path, space, seed
):
    architecture = small_architecture(space, seed, largest=20)
    graph, size = integer_graph(operators(architecture, 100), seed), architecture.resolution
    inputs = (
        np.random.default_rng(seed).integers(-128, 128, (IMAGES, size, size, 3)).astype(np.int8)
    )
    # an error where TFLM and the emulated core differ
    outputs, measured = verifier.verify(graph, inputs, tmp_path / "network")
    np.testing.assert_array_equal(on_host(graph, inputs), outputs)
    assert len(np.unique(outputs)) > 10 and len(np.unique(outputs, axis=0)) > 1
    assert measured.measured_bss_bytes == plan_c_static(graph.operators).arena_bytes
    assert measured.measured_tflm_head_bytes == tflm_arena(graph.operators, "reference").head_bytes
    assert 0 < measured.measured_stack_bytes < 4096
