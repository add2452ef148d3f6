"""What the generated C is held against, on a machine with TensorFlow Lite Micro and on one
without.
"""

import importlib.util

import numpy as np
import pytest

from lmanet.deploy.int8.reference import run_reference
from lmanet.deploy.run import compare as module
from lmanet.deploy.run.compare import compare
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.tflite import write_tflite
from lmanet.errors import DeployError
from lmanet.network.graph import operators
from lmanet.run.notices import core_stands_in, not_compared

pytestmark = pytest.mark.slow  # compiles, and starts TFLM

needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None,
    reason="needs ai-edge-litert: pip install ai-edge-litert",
)


@pytest.fixture
def network(integer_graph, small_architecture):
    """A random network and images."""

    def draw(space, seed, images=3):
        architecture = small_architecture(space, seed)
        size = architecture.resolution
        inputs = np.random.default_rng(seed).integers(-128, 128, (images, size, size, 3))
        return integer_graph(operators(architecture, 10), seed), inputs.astype(np.int8)

    return draw


@pytest.fixture
def without_tflm(monkeypatch):
    monkeypatch.setattr(module, "HAS_TFLM", ("darwin", "arm64"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_the_reference_in_plain_integers_gives_the_bits_of_tflm(space, seed, network):
    graph, inputs = network(space, seed)
    expected = run_tflm(write_tflite(graph, "run"), inputs).outputs
    np.testing.assert_array_equal(run_reference(graph, inputs), expected)
    assert len(np.unique(expected)) > 5


def test_where_tflm_runs_it_is_what_is_compared(network):
    graph, inputs = network("mcu", 3)
    found = compare(graph, write_tflite(graph, "run"), inputs)
    assert found.runtimes == ("tflm",) and found.head_bytes and found.tail_bytes


@needs_litert
def test_elsewhere_it_is_the_reference_with_litert_beside_it(network, without_tflm):
    graph, inputs = network("mcu", 3)
    found = compare(graph, write_tflite(graph, "run"), inputs)
    assert found.runtimes == ("reference", "litert") and found.head_bytes is None
    np.testing.assert_array_equal(found.outputs, run_reference(graph, inputs))


@needs_litert
def test_a_reference_that_differs_from_litert_by_more_than_a_step_is_an_error(
    network, integer_graph, without_tflm
):
    graph, inputs = network("mcu", 3)
    other = integer_graph(graph.operators, 4)
    with pytest.raises(DeployError, match=r"differ by \d+ steps, and at most 1 is right"):
        compare(graph, write_tflite(other, "run"), inputs)


def test_a_network_is_verified_without_tflm_and_says_what_was_not_compared(
    network, without_tflm, tmp_path
):
    graph, inputs = network("lmanet", 5, images=2)
    verifier = Verifier("cortex-m4")
    verifier.require()
    outputs, measurement = verifier.verify(graph, inputs, tmp_path)
    np.testing.assert_array_equal(outputs, run_reference(graph, inputs))
    assert measurement.measured_tflm_arena_bytes is None
    assert measurement.measured_instructions > 0 and "reference" in measurement.compared
    ((notice,)) = not_compared(measurement.compared)
    assert "TensorFlow Lite Micro was not compared" in notice.text
    assert not_compared(("tflm",)) == []


def test_a_core_without_an_emulator_is_stood_in_for_and_that_is_said(network, tmp_path):
    graph, inputs = network("mcu", 6, images=1)
    verifier = Verifier("xtensa-lx7")
    verifier.require()
    _, measurement = verifier.verify(graph, inputs, tmp_path)
    assert measurement.core == measurement.ran_on == "rv32imc"
    ((notice,)) = core_stands_in("xtensa-lx7", measurement.core, "unicorn")
    assert "unicorn has no core=xtensa-lx7" in notice.text and "rv32imc" in notice.text
    assert core_stands_in("cortex-m7", "cortex-m7", "unicorn") == []
