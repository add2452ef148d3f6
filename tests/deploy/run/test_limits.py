"""Networks at the limits of every packed field: right to the bit, and one step further refused by
name.
"""

import ctypes
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from lmanet.cost.c_runtime.fields import field_bits
from lmanet.deploy.int8.graph import Scale
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.run.toolchain import SUPPORT, toolchain_named
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.tflite import write_tflite
from lmanet.errors import DeployError
from lmanet.network import Operator, parse_architecture
from lmanet.network.graph import INPUT, operators

pytestmark = pytest.mark.slow  # compiles and emulates

IMAGES = 2
STAGE = {
    "block": "depthwise",
    "channels": 8,
    "kernel": 3,
    "stride": 1,
    "expansion": 1,
    "se_ratio": 0.5,
    "skip": False,
    "layers": 1,
}


def layer(kind, shape, outputs, kernel=1, stride=1, padding=(0, 0)):
    out = [(size + sum(padding) - kernel) // stride + 1 for size in shape[1:]]
    return Operator(
        f"a.{kind}", kind, (INPUT,), shape, (outputs, *out), kernel, stride, padding, bias=True
    )


def alone(*args, **fields):
    return (layer(*args, **fields),)


def pooled(*args, **fields):
    """The layer, its mean and a linear layer, so that a large map becomes three logits."""
    first = layer(*args, **fields)
    channels = first.out_shape[0]
    mean = Operator("b.mean", "mean", (first.name,), first.out_shape, (channels, 1, 1))
    return (
        first,
        mean,
        Operator("c.linear", "linear", (mean.name,), mean.out_shape, (3, 1, 1), bias=True),
    )


def mean(height, width):
    return (Operator("a.mean", "mean", (INPUT,), (1, height, width), (1, 1, 1)),)


# Field -> network by its value, and the largest value that is right. A column is filled up to whole
# words, as a row of a depthwise map is.
FIELDS = {
    "lm_dense.column": (lambda n: alone("linear", (n, 1, 1), 3), 32764),
    "lm_dense.outputs": (lambda n: alone("linear", (4, 1, 1), n), 32767),
    "lm_window.in_height": (lambda n: pooled("conv", (1, n, 1), 2), 32767),
    "lm_window.in_width": (lambda n: pooled("conv", (1, 1, n), 2), 32767),
    "lm_window.out_height": (
        lambda n: pooled("conv", (1, n - 1, 1), 2, kernel=3, padding=(2, 1)),
        32767,
    ),
    "lm_rows_layer.in_channels": (lambda n: alone("depthwise", (n, 1, 1), n), 32767),
    "lm_window.kernel": (lambda n: alone("conv", (1, n, n), 3, kernel=n), 127),
    "lm_window.stride": (lambda n: pooled("conv", (2, n + 1, n + 1), 3, stride=n), 127),
    "lm_window.before": (lambda n: pooled("conv", (2, 2, 2), 3, kernel=3, padding=(n, 2)), 127),
    "lm_rows_layer.pitch": (lambda n: pooled("depthwise", (1, 1, n), 1), 32764),
    # 255 * pixels is less than 2^31.
    "the sum over": (lambda n: mean(n // 3133, 3133), 2688 * 3133),
}


def run_here(graph, inputs, folder):
    """Logits of the network's C alone: the camera's reads no image of more than 2,048 pixels a
    side.
    """
    write_program(graph, folder)
    library = ctypes.CDLL(
        str(toolchain_named("zig").compile_host(sorted(folder.glob("*.c")), folder / "network.so"))
    )
    for function in (library.lmanet_input, library.lmanet_output):
        function.restype = ctypes.c_void_p
    logits = []
    for image in inputs:
        ctypes.memmove(library.lmanet_input(), image.tobytes(), image.nbytes)
        library.lmanet_run()
        logits.append(
            np.frombuffer(ctypes.string_at(library.lmanet_output(), len(graph.labels)), np.int8)
        )
    return np.stack(logits)


@pytest.fixture
def check(tmp_path):
    """Compare the generated C with TFLM."""

    def compare(graph, fill=None):
        channels, *size = graph.operators[0].in_shape
        shape = (
            (IMAGES, channels) if graph.operators[0].kind == "linear" else (IMAGES, *size, channels)
        )
        rng = np.random.default_rng(0)
        # so that means of whole maps differ
        levels = rng.integers(-100, 100, (IMAGES, *[1] * (len(shape) - 1)))
        inputs = (
            (levels + rng.integers(-28, 28, shape)).astype(np.int8)
            if fill is None
            else np.full(shape, fill, np.int8)
        )
        expected = run_tflm(write_tflite(graph, "test"), inputs).outputs
        np.testing.assert_array_equal(
            run_here(graph, inputs, tmp_path / str(len(list(tmp_path.iterdir())))), expected
        )
        return expected

    return compare


def header_fields():
    """Structure -> numeric field -> bits, of lmanet_kernels.h."""
    text = re.sub(r"/\*.*?\*/", "", (SUPPORT / "lmanet_kernels.h").read_text(), flags=re.DOTALL)
    bodies = [
        (name, body)
        for body, name in re.findall(r"typedef struct \{(.*?)\} (\w+);", text, re.DOTALL)
    ]
    bodies += re.findall(r"\bstruct (\w+) \{(.*?)\};", text, re.DOTALL)
    found = {}
    for name, body in bodies:
        numbers = re.findall(r"^ +int(\d+)_t ([\w, ]+);", body, re.MULTILINE)
        found[name] = {field: int(bits) for bits, fields in numbers for field in fields.split(", ")}
    return {name: fields for name, fields in found.items() if fields}


def test_the_widths_that_are_guarded_are_those_of_the_header():
    fields = header_fields()
    assert len(fields) == 8
    assert fields == {struct: field_bits(struct) for struct in fields}


@pytest.mark.parametrize("field", FIELDS)
def test_the_largest_number_of_a_field_is_right_and_one_more_is_refused(
    field, check, integer_graph, tmp_path
):
    network, limit = FIELDS[field]
    outputs = check(integer_graph(network(limit), seed=1))
    assert len(np.unique(outputs)) > 1
    more = network(limit + (3133 if field == "the sum over" else 1))
    with pytest.raises(
        DeployError, match=rf"^a\.\w+: {field}.* hold.* at most \d+; take "
    ) as error:
        write_program(integer_graph(more), tmp_path)
    assert "\n" not in str(error.value)


def test_a_mean_of_the_largest_differences_is_right(check, integer_graph):
    graph = integer_graph(mean(2688, 3133))
    scale = graph.scales[INPUT].scale
    check(
        replace(graph, scales={INPUT: Scale(scale, -128), "a.mean": Scale(scale, -128)}), fill=127
    )


def test_zero_points_at_both_ends_are_right_and_beyond_refused(check, integer_graph, tmp_path):
    graph = integer_graph(pooled("depthwise", (4, 6, 6), 4, kernel=3, padding=(1, 1)))
    for zero in (-128, 127):
        check(
            replace(
                graph,
                scales={
                    name: replace(scale, zero_point=zero) for name, scale in graph.scales.items()
                },
            )
        )
    for zero in (-129, 128):
        wrong = replace(graph, scales={**graph.scales, INPUT: Scale(0.02, zero)})
        with pytest.raises(DeployError, match=rf"a\.depthwise: lm_window\.zero={zero}"):
            write_program(wrong, tmp_path)


def test_an_arena_beyond_31_bits_is_refused(integer_graph, tmp_path):
    with pytest.raises(
        DeployError,
        match=(
            r"^a\.conv: the arena takes \d+ bytes.* at most 2147483647; take a "
            r"smaller resolution"
        ),
    ):
        write_program(integer_graph(pooled("conv", (3, 32767, 32767), 3)), tmp_path)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            alone("depthwise", (2, 9, 9), 2, kernel=9),
            "kernel 9 and the stride 1 in width; legal are kernels 1, 3, 5, 7",
        ),
        (alone("depthwise", (2, 9, 9), 2, stride=3), "stride 3 in width; legal"),
        (alone("conv", (2, 4, 4), 2, padding=(1, 0)), r"1x1 convolution has the padding \(1, 0\)"),
    ],
)
def test_a_window_that_no_kernel_has_is_refused(network, words, integer_graph, tmp_path):
    with pytest.raises(DeployError, match=words):
        write_program(integer_graph(network), tmp_path)


@pytest.mark.parametrize(("core", "way"), [("cortex-m4", "zig+unicorn"), ("cortex-m7", "gcc+qemu")])
def test_224_pixels_with_squeeze_and_excitation_before_any_stride(
    core, way, on_host, integer_graph, tmp_path
):
    if way == "gcc+qemu" and not (
        shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")
    ):
        pytest.skip(
            "needs arm-none-eabi-gcc and qemu-system-arm: apt-get install gcc-arm-none-eabi "
            "qemu-system-arm"
        )
    stages = [
        STAGE | {"activation": "relu6"},
        STAGE | {"stride": 2, "se_ratio": 0.0, "activation": "relu6"},
    ]
    graph = integer_graph(operators(parse_architecture({"resolution": 224, "stages": stages}), 10))
    inputs = np.random.default_rng(0).integers(-128, 128, (1, 224, 224, 3)).astype(np.int8)
    # an error where TFLM and the core differ
    outputs, _ = Verifier(core, *way.split("+")).verify(graph, inputs, tmp_path)
    np.testing.assert_array_equal(on_host(graph, inputs), outputs)
    assert len(np.unique(outputs)) > 3
