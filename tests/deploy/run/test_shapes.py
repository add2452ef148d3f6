"""Networks of other shapes than squares of red, green and blue, in all runtimes."""

import numpy as np
import pytest

from lmanet.cost.c_runtime.instructions import estimated_instructions
from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.deploy.run.verify import Verifier
from lmanet.network.graph import operators
from lmanet.network.mlperf_tiny import REFERENCES, reference
from lmanet.space import load_space

SHAPES = [(1, 49, 10), (6, 1, 100), (1, 24, 24), (3, 15, 20), (2, 40, 1)]


def runs_alike(graph, integer_graph, folder):
    """One integer graph in TFLM and on the emulated core: same bits, and the costs as estimated."""
    channels, height, width = graph[0].in_shape
    inputs = np.random.default_rng(0).integers(-128, 128, (2, height, width, channels))
    outputs, measured = Verifier().verify(integer_graph(graph, 1), inputs.astype(np.int8), folder)
    assert measured.measured_tflm_head_bytes == tflm_arena(graph, "reference").head_bytes
    estimated = estimated_instructions(plan_c_static(graph).steps)
    assert measured.measured_instructions == pytest.approx(estimated, rel=0.06)
    assert len(np.unique(outputs)) > 1  # nothing is constant


@pytest.mark.slow  # compiles and emulates
@pytest.mark.parametrize(("number", "shape"), list(enumerate(SHAPES)))
def test_every_shape_gives_the_bits_of_tflm(number, shape, integer_graph, tmp_path):
    choices = {"padding": [("same", "torch")[number % 2]], "stage": {"layers": [1]}}
    space = load_space("mcu", choices).reading(shape, resizable=False)
    rng = np.random.default_rng(number)
    drawn = (operators(space.sample(rng), 10) for _ in range(100))
    small = next(graph for graph in drawn if sum(each.weights for each in graph) < 100_000)
    assert small[0].in_shape == shape
    runs_alike(small, integer_graph, tmp_path)


@pytest.mark.slow  # compiles and emulates
@pytest.mark.parametrize("name", REFERENCES)
def test_references_of_mlperf_tiny_give_the_bits_of_tflm(name, integer_graph, tmp_path):
    runs_alike(reference(name), integer_graph, tmp_path)
