"""TFLM as a process: outputs, arena, and what it says of files that it refuses."""

import importlib.util

import numpy as np
import pytest

from lmanet.cost.tflm.arena import arena_of, tflm_arena
from lmanet.cost.tflm.layout import X86_64
from lmanet.cost.tflm.operators import tflite_operators
from lmanet.deploy.run.tflm import TflmError, require_tflm, run_tflm
from lmanet.deploy.write.tflite import write_tflite
from lmanet.errors import ConfigError
from lmanet.network.graph import operators
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # runs TensorFlow Lite Micro in processes of its own


@pytest.fixture(scope="module")
def content(integer_graph):
    architecture = load_space(
        "mcu", {"resolution": [32], "num_stages": [3], "stage": {"layers": [1]}}
    ).sample(np.random.default_rng(3))
    return write_tflite(integer_graph(operators(architecture, 10)), "run")


def test_outputs_and_arena(content, capfd):
    inputs = np.random.default_rng(0).integers(-128, 128, (2, 32, 32, 3)).astype(np.int8)
    run = run_tflm(content, inputs)
    assert run.outputs.shape == (2, 10) and run.outputs.dtype == np.int8
    assert (run.outputs[0] != run.outputs[1]).any()
    assert run.measured_head_bytes > 32 * 32 * 3
    assert capfd.readouterr().err == ""


def test_the_arena_alone(content):
    run = run_tflm(content, np.empty((0, 32, 32, 3), np.int8))
    assert run.outputs.shape == (0, 10)
    assert run.measured_tail_bytes > 0


def test_images_of_another_size_are_refused_in_tflm_s_words(content):
    with pytest.raises(TflmError, match="Got 16 but expected 32"):
        run_tflm(content, np.zeros((1, 16, 16, 3), np.int8))


def test_a_broken_file_does_not_end_this_process():
    with pytest.raises(TflmError, match="TFLM refuses the model"):
        run_tflm(bytes(range(256)) * 8, np.zeros((1, 32, 32, 3), np.int8))


def test_a_missing_package_says_what_to_install(content, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install lmanet\[deploy\]"):
        run_tflm(content, np.zeros((1, 32, 32, 3), np.int8))


def test_another_system_hears_that_the_package_is_not_made_for_it():
    with pytest.raises(ConfigError, match=r"Linux on x86-64 alone, not for darwin on arm64; take"):
        require_tflm("darwin", "arm64")


@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_the_memory_model_equals_the_arena(space, padding, integer_graph):
    """To the byte for this host, whose arena is an upper bound of a Cortex-M's.
    tests/scripts/check_tflm_arena.py takes 200 of each.
    """
    spaces, rng = load_space(space, {"padding": [padding]}), np.random.default_rng(1)
    for _ in range(4):
        architecture = spaces.sample(rng)
        graph = operators(architecture, 100)
        size = architecture.resolution
        run = run_tflm(
            write_tflite(integer_graph(graph), "run"), np.empty((0, size, size, 3), np.int8)
        )
        host = arena_of(tflite_operators(graph), "reference", X86_64)
        assert (host.head_bytes, host.tail_bytes) == (
            run.measured_head_bytes,
            run.measured_tail_bytes,
        )
        assert tflm_arena(graph, "reference").head_bytes == run.measured_head_bytes
