"""A camera's frame as input of the network: the firmware's C against the Python that reads images
for the training, to the byte.
"""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
import torch

from lmanet.deploy.int8.int8_network import int8_network, to_int8
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import CAMERA, toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.errors import DeployError
from lmanet.network import parse_architecture
from lmanet.network.graph import INPUT, operators
from lmanet.network.images import fit, grey, normalise

pytestmark = pytest.mark.slow  # compiles

# A program that has an input and no network; the table gives each byte as it is, less 128, and
# tells the channels apart.
HEADER = """#pragma once
#include <stdint.h>
#define LMANET_INPUT_HEIGHT {size}
#define LMANET_INPUT_WIDTH {size}
#define LMANET_INPUT_BYTES (3 * {size} * {size})
extern int8_t lmanet_input_table[3][256];
int8_t *lmanet_input(void);
"""
SOURCE = """#include "network.h"
int8_t lmanet_input_table[3][256];
static int8_t input[LMANET_INPUT_BYTES];
int8_t *lmanet_input(void) {
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++) lmanet_input_table[c][i] = (int8_t)((i ^ (85 * c)) - 128);
    return input;
}
"""
MAIN = """#include "camera.c"
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **arguments) {
    const int width = atoi(arguments[1]), height = atoi(arguments[2]);
    uint8_t *frame = malloc(3 * width * height); /* to the byte: a read beyond it is found */
    if (count != 3 || fread(frame, 3, width * height, stdin) != (size_t)(width * height)) return 2;
    lmanet_input_from_rgb888(frame, width, height);
    lmanet_input_from_rgb565((uint16_t *)frame, width, height);
    lmanet_input_from_grey8(frame, width, height);
    free(frame);
    return fwrite(lmanet_input(), LMANET_INPUT_BYTES, 1, stdout) != 1;
}
"""
SIZES = (1, 2, 5, 28, 32, 96)
FRAMES = [
    (1, 1),
    (1, 3),
    (2, 2),
    (5, 5),
    (3, 7),
    (28, 28),
    (31, 47),
    (32, 32),
    (33, 33),
    (64, 48),
    (95, 97),
    (120, 160),
    (241, 323),
]


def program(folder, size):
    folder.mkdir(exist_ok=True)
    (folder / "network.h").write_text(HEADER.format(size=size))
    (folder / "network.c").write_text(SOURCE)
    return folder / "network.c"


@pytest.fixture(scope="module", params=SIZES)
def camera(request, tmp_path_factory):
    """Size of an input, and what a frame becomes in C: uint8 (3, size, size)."""
    folder = tmp_path_factory.mktemp("camera")
    library = ctypes.CDLL(
        str(
            toolchain_named("zig").compile_host(
                [program(folder, request.param), CAMERA], folder / "camera.so"
            )
        )
    )
    library.lmanet_input.restype = ctypes.c_void_p

    def read(kind, frame):
        height, width = frame.shape[:2]
        getattr(library, f"lmanet_input_from_{kind}")(
            np.ascontiguousarray(frame).ctypes.data_as(ctypes.c_void_p), width, height
        )
        values = np.frombuffer(
            ctypes.string_at(library.lmanet_input(), 3 * request.param**2), np.int8
        )
        pixels = values.astype(int).reshape(request.param, request.param, 3) + 128
        return (pixels ^ np.array([0, 85, 170])).transpose(2, 0, 1)

    return request.param, read


def colours_of_565(frame):
    """uint16 (H, W) -> uint8 (3, H, W), by the definition: the brightest of 31 or 63 is 255, in
    steps that are as equal as bits allow.
    """
    red, green, blue = frame >> 11, frame >> 5 & 63, frame & 31
    return np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2]).astype(
        np.uint8
    )


@pytest.mark.parametrize("shape", FRAMES, ids=lambda shape: f"{shape[1]}x{shape[0]}")
def test_frames_become_the_bytes_that_python_makes_of_them(camera, shape):
    size, read = camera
    rng = np.random.default_rng(shape)
    rgb, packed = (
        rng.integers(0, 256, (*shape, 3), np.uint8),
        rng.integers(0, 65536, shape, np.uint16),
    )
    np.testing.assert_array_equal(
        read("rgb888", rgb), fit(torch.from_numpy(rgb).permute(2, 0, 1), size)
    )
    np.testing.assert_array_equal(
        read("rgb565", packed), fit(torch.from_numpy(colours_of_565(packed)), size)
    )
    grey = rgb[..., 0]
    np.testing.assert_array_equal(
        read("grey8", grey), fit(torch.from_numpy(grey), size).expand(3, size, size)
    )


def test_the_largest_frame_in_white_stays_white(camera):
    _, read = camera
    frame = np.full((4096, 4097), 255, np.uint8)
    assert np.unique(read("grey8", frame)).tolist() == [255]


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler with sanitizers")
@pytest.mark.parametrize("size", [1, 5, 28])
def test_nothing_beyond_the_frame_is_read(size, tmp_path):
    source = tmp_path / "main.c"
    source.write_text(MAIN)
    command = [
        "cc",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        f"-I{CAMERA.parent}",
        f"-I{tmp_path}",
    ]
    subprocess.run(
        [*command, str(source), str(program(tmp_path, size)), "-o", str(tmp_path / "main")],
        check=True,
    )
    for height, width in FRAMES:
        frame = bytes(range(256)) * (3 * height * width // 256 + 1)
        given = frame[: 3 * height * width]
        done = subprocess.run(
            [str(tmp_path / "main"), str(width), str(height)],
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def network(integer_graph, small_architecture, tmp_path_factory):
    """An integer graph with a normalisation, and its C on this machine."""
    architecture = small_architecture("mcu", 3)
    graph = integer_graph(operators(architecture, 10))
    graph = graph.__class__(
        graph.operators,
        graph.scales,
        graph.filters,
        graph.labels,
        (0.5, 0.4, 0.3),
        (0.25, 0.3, 0.2),
    )
    folder = tmp_path_factory.mktemp("network")
    write_program(graph, folder)
    library = toolchain_named("zig").compile_host_network(folder, folder / "network.so")
    return (
        architecture.resolution,
        graph,
        HostNetwork(library, workers=2),
        ctypes.CDLL(str(library)),
    )


@pytest.mark.parametrize("shape", [(28, 28), (240, 320), (97, 64)], ids=str)
def test_the_input_of_a_frame_is_what_the_training_would_read(network, shape):
    resolution, graph, host, library = network
    frames = np.random.default_rng(0).integers(0, 256, (5, *shape, 3), np.uint8)
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2)
    inputs = to_int8(normalise(fit(pixels, resolution), graph.mean, graph.std), graph.scales[INPUT])
    library.lmanet_input.restype = ctypes.c_void_p
    for frame, expected in zip(frames, inputs, strict=True):
        library.lmanet_input_from_rgb888(frame.ctypes.data_as(ctypes.c_void_p), shape[1], shape[0])
        found = np.frombuffer(ctypes.string_at(library.lmanet_input(), expected.size), np.int8)
        np.testing.assert_array_equal(found, expected.ravel())
    np.testing.assert_array_equal(host.run_frames(frames), host.run(inputs))


def test_what_is_no_frame_is_refused(network):
    _, _, host, _ = network
    for frames in (
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((1, 4097, 4097, 3), np.uint8),
    ):
        with pytest.raises(
            DeployError,
            match=(
                r"the firmware reads uint8 \(N, height, width, 3\), the shorter side 1 "
                r"to 4096 pixels"
            ),
        ):
            host.run_frames(frames)


STAGE = {"block": "depthwise", "channels": 4, "kernel": 3, "stride": 2, "expansion": 1}
STAGE |= {"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1}


def network_reading(shape, integer_graph):
    channels, height, width = shape
    data = {"input_channels": channels, "resolution": height, "width": width, "stages": [STAGE]}
    graph = integer_graph(operators(parse_architecture(data), 5), 1)
    return graph, int8_network(graph, toolchain_named("zig"))


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 15, 20), (3, 15, 20)], ids=str)
def test_grey_and_wide_inputs_are_what_the_training_would_read(shape, integer_graph):
    graph, network = network_reading(shape, integer_graph)
    for frame in ((25, 35), (15, 20), (10, 45)):
        pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, *frame))).byte()
        seen = fit(grey(pixels, 1) if shape[0] == 1 else pixels, shape[1:])
        inputs = to_int8(normalise(seen, graph.mean, graph.std).double(), graph.scales[INPUT])
        np.testing.assert_array_equal(integers(network, pixels), network._network.run(inputs))
    # what a data set of grey pictures holds is what a colour camera would show of them
    if shape[0] == 1:
        np.testing.assert_array_equal(integers(network, seen), network._network.run(inputs))


@pytest.mark.parametrize("shape", [(6, 1, 20), (3, 1, 2100), (1, 2, 2100)], ids=str)
def test_a_sensor_has_no_camera(shape, integer_graph):
    graph, network = network_reading(shape, integer_graph)
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *shape))).byte()
    inputs = to_int8(normalise(values, graph.mean, graph.std).double(), graph.scales[INPUT])
    np.testing.assert_array_equal(integers(network, values), network._network.run(inputs))
    with pytest.raises(
        DeployError, match=f"reads {shape[0]} x {shape[1]} x .* values, and a camera"
    ):
        network(torch.zeros(1, 3, 20, 20, dtype=torch.uint8))


def integers(network, pixels):
    """The logits as the C gives them."""
    scale = network.output_scale
    return (network(pixels) / scale.scale + scale.zero_point).round().to(torch.int8).numpy()
