"""A sensor's values, pushed moment by moment, are classified as the windows of training are."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from lmanet.data.windows import Labelled, Windows, scaling_of, sensing_of, windowed
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.emulator.core import EmulatedCore
from lmanet.deploy.run.emulator.machine import RAM_ADDRESS, RAM_BYTES
from lmanet.deploy.run.toolchain import LINKER_SCRIPT, SUPPORT, toolchain_named
from lmanet.deploy.write.moments import write_moments
from lmanet.deploy.write.program import write_program
from lmanet.network import Architecture
from lmanet.network.graph import operators

pytestmark = pytest.mark.slow  # compiles and emulates
CLASSES, CHANNELS = 3, 6
WINDOWS = Windows(length=20, stride=7, smoothed_windows=3)
# what keeps the functions in a program that calls none of them
MAIN = """#include "lmanet_moments.h"
int main(void) { lmanet_forget_moments(); return lmanet_push_moments(0, 0) + lmanet_posteriors()[0]; }
"""


@pytest.fixture(scope="module")
def recording():
    """Values whose bytes are near halves, at limits and beyond, as well as any."""
    rng = np.random.default_rng(3)
    spread = np.array([0.1, 1, 30, 2e-3, 500, 9.81])[:, None]
    values = rng.normal(0, 1, (CHANNELS, 90)) * spread + 3 * spread
    series = values.astype(np.float32)
    scaling = scaling_of([Labelled(series[:, :60], 0, "a", "a")], WINDOWS)
    steps = np.arange(CHANNELS * 30).reshape(CHANNELS, 30) % 257
    series[:, 60:] = (steps - 0.5) / scaling.gain[:, None] + scaling.lowest[:, None]
    return series, scaling


@pytest.fixture(scope="module")
def graph(integer_graph):
    stage = {
        **{"block": "conv", "channels": 8, "kernel": 3, "stride": 2, "expansion": 1},
        **{"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1},
    }
    architecture = Architecture(
        resolution=1, width=WINDOWS.length, input_channels=CHANNELS, stages=[stage]
    )
    made = integer_graph(operators(architecture, CLASSES))
    rng = np.random.default_rng(0)
    mean, std = (tuple(rng.uniform(0.2, 0.6, CHANNELS).tolist()) for _ in range(2))
    return replace(made, mean=mean, std=std)


@pytest.fixture(scope="module")
def network(graph, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("firmware")
    write_program(graph, folder / "network")
    scale = graph.scales[graph.operators[-1].name].scale
    write_moments(folder, folder / "network", sensing_of(WINDOWS, recording[1]), scale)
    return folder / "network"


@pytest.fixture(scope="module")
def expected(graph, recording, on_host):
    """Logits of the windows as the data hand them out."""
    series, scaling = recording
    bytes_of = windowed([Labelled(series, 0, "a", "a")], WINDOWS, scaling).images.numpy()
    scale = graph.scales["input"]
    real = (np.arange(256) / 255 - np.array(graph.mean)[:, None]) / np.array(graph.std)[:, None]
    table = np.clip(np.round(real / scale.scale + scale.zero_point), -128, 127).astype(np.int8)
    inputs = np.stack([table[channel][bytes_of[:, channel]] for channel in range(CHANNELS)], -1)
    return on_host(graph, inputs)


class _Host:
    """The firmware's stream on this machine."""

    def __init__(self, network, folder):
        chain = toolchain_named("zig")
        self.library = ctypes.CDLL(
            str(chain.compile_host(sorted(network.glob("*.c")), folder / "stream.so"))
        )
        self.library.lmanet_output.restype = ctypes.c_void_p
        self.library.lmanet_posteriors.restype = ctypes.c_void_p

    def push(self, moments):
        content = np.ascontiguousarray(moments.T)
        pointer = content.ctypes.data_as(ctypes.c_void_p)
        return self.library.lmanet_push_moments(pointer, len(content))

    def forget(self):
        self.library.lmanet_forget_moments()

    def read(self, function, size):
        return ctypes.string_at(getattr(self.library, function)(), size)


class _Emulated:
    """The same on an emulated core."""

    def __init__(self, network, folder, toolchain, core):
        main = folder / "main.c"
        main.write_text(MAIN)
        support = [SUPPORT / name for name in ("startup.c", "memory.c")]
        elf = toolchain_named(toolchain).link(
            [*sorted(network.glob("*.c")), main, *support], core, LINKER_SCRIPT, folder / "a.elf"
        )
        self.core = EmulatedCore(read_program(elf), core)

    def push(self, moments):
        self.core.write(RAM_ADDRESS + RAM_BYTES // 2, moments.T.astype("<f4").tobytes())
        return self.core.call("lmanet_push_moments", RAM_ADDRESS + RAM_BYTES // 2, moments.shape[1])

    def forget(self):
        self.core.call("lmanet_forget_moments")

    def read(self, function, size):
        return self.core.read(self.core.call(function), size)


@pytest.fixture(
    scope="module",
    params=[None, ("zig", "cortex-m4"), ("gcc", "cortex-m7"), ("zig", "cortex-m0plus")],
    ids=["host", "zig-m4", "gcc-m7", "zig-m0plus"],
)
def stream(request, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return _Emulated(network, folder, *request.param) if request.param else _Host(network, folder)


def test_a_recording_pushed_moment_by_moment_is_classified_as_its_windows_are(
    stream, recording, expected
):
    series, _ = recording
    stream.forget()
    found = []
    for moment in range(series.shape[1]):
        if stream.push(series[:, moment : moment + 1]):
            found.append((moment + 1, stream.read("lmanet_output", CLASSES)))
    starts = range(0, series.shape[1] - WINDOWS.length + 1, WINDOWS.stride)
    assert [end for end, _ in found] == [start + WINDOWS.length for start in starts]
    assert [logits for _, logits in found] == [row.tobytes() for row in expected]
    assert len({logits for _, logits in found}) > 3


def test_moments_may_come_in_pieces_of_any_size(stream, recording, expected):
    series, _ = recording
    found = set()
    for piece in (11, series.shape[1]):
        stream.forget()
        cut = [series[:, i : i + piece] for i in range(0, series.shape[1], piece)]
        windows = sum(map(stream.push, cut))
        found.add((windows, stream.read("lmanet_posteriors", 2 * CLASSES)))
    assert [windows for windows, _ in found] == [len(expected)]


def test_posteriors_are_the_mean_of_the_last_windows(stream, recording, expected, graph):
    stream.forget()
    stream.push(recording[0])
    real = expected[-WINDOWS.smoothed_windows :] * graph.scales[graph.operators[-1].name].scale
    raised = np.exp(real - real.max(1, keepdims=True))
    mean = (raised / raised.sum(1, keepdims=True)).mean(0)
    found = np.frombuffer(stream.read("lmanet_posteriors", 2 * CLASSES), "<u2") / 32768
    np.testing.assert_allclose(found, mean, atol=2e-4)


def test_what_is_no_number_or_beyond_the_limits_becomes_a_byte(stream):
    found = []
    for value in (-1e30, np.nan, 1e30, np.inf):
        stream.forget()
        stream.push(np.full((CHANNELS, WINDOWS.length), value, np.float32))
        found.append(stream.read("lmanet_output", CLASSES))
    assert found[0] == found[1] != found[2] == found[3]
