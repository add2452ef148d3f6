"""The generated C under the address and undefined-behaviour sanitizers: each kernel call touches
its own tensors and scratch alone.
"""

import shutil
import subprocess

import numpy as np
import pytest

from lmanet.cost import CStaticOptions
from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.deploy.write.program import KERNELS, write_program
from lmanet.network.graph import operators

pytestmark = pytest.mark.slow  # compiles and emulates

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# For each kernel call all of the arena is poisoned but what the plan gives the call.
MAIN = """#include "network.c"
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <string.h>
static const int ranges[][3] = {%s};
int main(int count, char **arguments) {
    for (int image = 0; image < 2; image++) {
        memset(arena, count > 1 ? arguments[1][0] : 0, sizeof arena);
        if (fread(lmanet_input(), 1, LMANET_INPUT_BYTES, stdin) != LMANET_INPUT_BYTES) return 2;
        for (int step = 0; step < LMANET_NUM_STEPS; step++) {
            ASAN_POISON_MEMORY_REGION(arena, sizeof arena);
            for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
                if (ranges[i][0] == step) ASAN_UNPOISON_MEMORY_REGION(arena + ranges[i][1], ranges[i][2]);
            lmanet_step(step);
            ASAN_UNPOISON_MEMORY_REGION(arena, sizeof arena);
        }
        fwrite(lmanet_output(), 1, LMANET_OUTPUT_BYTES, stdout);
    }
    return 0;
}
"""


def ranges(plan):
    """Step, first byte and size of all that a step may touch."""
    sizes = {step.output: step.output_bytes for step in plan.steps}
    for number, step in enumerate(plan.steps):
        for name in (*step.inputs, step.output):
            if name in sizes:
                yield number, plan.offsets[name], sizes[name]
            else:
                channels, height, width = step.operators[0].in_shape
                yield number, plan.offsets[name], channels * height * width
        yield number, plan.scratch_offsets[number], step.scratch_bytes


@pytest.fixture(scope="module", params=[(), ("-march=native",)], ids=["portable", "native"])
def build(request, tmp_path_factory):
    """Compiles a graph's program, each kernel once."""
    if not shutil.which("cc"):
        pytest.skip("needs a system compiler with sanitizers: apt-get install gcc")
    folder = tmp_path_factory.mktemp("sanitized")
    flags = ("-O1", "-g", "-std=c11", *request.param, *SANITIZE)
    kernels = [name for name in KERNELS if name.endswith(".c")]
    subprocess.run(
        ["cc", *flags, "-c", *(str(SUPPORT / name) for name in kernels)], cwd=folder, check=True
    )

    def program(graph, options):
        plan = write_program(graph, folder / "network", options)
        (folder / "main.c").write_text(
            MAIN % ",".join(f"{{{a},{b},{c}}}" for a, b, c in ranges(plan))
        )
        objects = [name.replace(".c", ".o") for name in kernels]
        subprocess.run(
            ["cc", *flags, "-Inetwork", "main.c", *objects, "-o", "program"], cwd=folder, check=True
        )
        return folder / "program"

    return program


@pytest.mark.parametrize(
    "options", [CStaticOptions(), CStaticOptions(fuse=False, in_place=False)], ids=["all", "plain"]
)
@pytest.mark.parametrize(
    ("space", "seed"), [("lmanet", 2), ("mcu", 0), ("mcu", 1), ("mcu", 8)]
)  # the last has blocks run by pixels
def test_no_call_leaves_its_memory(
    build, on_host, integer_graph, small_architecture, space, seed, options
):
    graph = integer_graph(operators(small_architecture(space, seed), 11), seed)
    program, (channels, height, width) = build(graph, options), graph.operators[0].in_shape
    inputs = (
        np.random.default_rng(seed)
        .integers(-128, 128, (2, height, width, channels))
        .astype(np.int8)
    )
    expected = on_host(graph, inputs, options)
    for rubbish in ("\x01", "Z", "\x7f"):  # what the arena holds before a run does not matter
        done = subprocess.run(
            [program, rubbish], input=inputs.tobytes(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[:3000]
        np.testing.assert_array_equal(
            np.frombuffer(done.stdout, np.int8).reshape(expected.shape), expected
        )
