"""Every kernel against TFLite's specification in plain integers, on this machine and on an emulated
Cortex-M7, between guard bytes.
"""

import ctypes
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from lmanet.cost.c_runtime.steps import c_steps
from lmanet.deploy.int8.graph import Filter, IntegerGraph, Scale
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.toolchain import SUPPORT, toolchain_named
from lmanet.deploy.write import packing
from lmanet.deploy.write.constants import activation_table
from lmanet.deploy.write.program import KERNELS
from lmanet.network import Operator
from lmanet.network.fixed_point import halves
from lmanet.network.int8 import FUSED
from lmanet.network.operators import c_kernel
from lmanet.network.operators.depthwise import rows_pitch

pytestmark = pytest.mark.slow  # compiles

NAMES = ("lm_conv", "lm_rows", "lm_mean", "lm_scale", "lm_add", "lm_pixels")
ACTIVATIONS = ("none", "relu6", "leaky_relu", "swish", "hard_swish", "sigmoid")
MEMORY_BYTES = 1 << 20
GUARD_BYTES = 32
OVERLAPS = (None, 0, 12)
# A program whose step calls the kernel that it is told; it names all of them, so that the linker
# keeps them.
PROGRAM_C = """#include "network.h"
#include "lmanet_kernels.h"
const int lmanet_input_bytes = 4, lmanet_output_bytes = 4, lmanet_arena_bytes = 4, lmanet_num_steps = 5;
static int8_t arena[4];
void *arguments[5];
static lm_depthwise *const depthwise[] = {lm_depthwise_1_1, lm_depthwise_1_2, lm_depthwise_3_1, lm_depthwise_3_2,
                                          lm_depthwise_5_1, lm_depthwise_5_2, lm_depthwise_7_1, lm_depthwise_7_2};
int8_t *lmanet_input(void) { return arena; }
const int8_t *lmanet_output(void) { return arena; }
void lmanet_step(int kernel) {
    void **a = arguments;
    switch (kernel) {
    case 0: lm_conv(a[0], a[1], a[2], a[3]); break;
    case 1: lm_rows(a[0], a[1], a[2], a[3]); break;
    case 2: lm_mean(a[0], a[1], a[2]); break;
    case 3: lm_scale(a[0], a[1], a[2], a[3]); break;
    case 4: lm_add(a[0], a[1], a[2], a[3], (int32_t)a[4]); break;
    case 5: lm_pixels(a[0], a[1], a[2], a[3]); break;
    case 6: *a = (void *)depthwise; break;
    }
}
"""
PROGRAM_H = """#include <stdint.h>
#define LMANET_INPUT_BYTES 4
#define LMANET_OUTPUT_BYTES 4
#define LMANET_NUM_STEPS 5
extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps;
int8_t *lmanet_input(void);
const int8_t *lmanet_output(void);
void lmanet_step(int kernel);
"""


def _layouts(pointer):
    """The structs of lmanet_kernels.h for pointers of one size."""
    i32, i16, i8 = ctypes.c_int32, ctypes.c_int16, ctypes.c_int8

    def struct(*fields):
        return type(
            "Struct",
            (ctypes.Structure,),
            {"_fields_": [(f"f{i}", field) for i, field in enumerate(fields)]},
        )

    channel, dense, window = (
        struct(*[i32] * 3),
        struct(*[pointer] * 3, *[i16] * 4),
        struct(*[i16] * 5, *[i8] * 4),
    )
    conv = struct(dense, window)
    return SimpleNamespace(
        channel=channel,
        dense=dense,
        window=window,
        conv=conv,
        pixels=struct(conv, pointer, pointer),
        add=struct(pointer, pointer, channel, i32),
        rows=struct(*[pointer] * 7, *[i16] * 3, window),
        mean=struct(*[i32] * 6),
        scale=struct(i32, i32, i16, i16, channel, i32),
    )


class Host:
    def __init__(self, folder, compiler):
        sources = [SUPPORT / name for name in KERNELS if name.endswith(".c")]
        self.library = ctypes.CDLL(
            str(toolchain_named(compiler).compile_host(sources, folder / "kernels.so"))
        )
        self.layouts = _layouts(ctypes.c_void_p)
        self._memory = np.empty(MEMORY_BYTES + 16, np.int8)
        self.address = -(-self._memory.ctypes.data // 16) * 16

    def write(self, address, content):
        ctypes.memmove(address, content, len(content))

    def read(self, address, size):
        return ctypes.string_at(address, size)

    def function(self, name):
        return ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value

    def call(self, kernel, *arguments):
        getattr(self.library, kernel)(*map(ctypes.c_void_p, arguments))


class CortexM7:
    def __init__(self, folder, compiler):
        from lmanet.deploy.run.emulator.core import EmulatedCore

        for name in KERNELS:
            (folder / name).write_bytes((SUPPORT / name).read_bytes())
        (folder / "network.c").write_text(PROGRAM_C)
        (folder / "network.h").write_text(PROGRAM_H)
        self.core = EmulatedCore(
            read_program(
                toolchain_named(compiler).compile(folder, "cortex-m7", folder / "kernels.elf")
            )
        )
        self.layouts = _layouts(ctypes.c_uint32)
        self.address = 0x20100000
        self.write, self.read = self.core.write, self.core.read

    def function(self, name):
        return self.core.program.symbol(name) | 1  # Thumb

    def call(self, kernel, *arguments):
        self.write(self.core.program.symbol("arguments"), np.array(arguments, np.uint32).tobytes())
        self.core.call("lmanet_step", NAMES.index(kernel))


@pytest.fixture(
    scope="module",
    params=[(Host, "zig"), (CortexM7, "zig"), (CortexM7, "gcc")],
    ids=lambda p: f"{p[0].__name__}-{p[1]}",
)
def machine(request, tmp_path_factory):
    kind, compiler = request.param
    if compiler == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("needs arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi")
    return kind(tmp_path_factory.mktemp("kernels"), compiler)


class Call:
    """Memory of one kernel call: constants first, then tensors and scratch, each between guard
    bytes.
    """

    def __init__(self, machine, graph):
        self.machine, self.graph, self.layouts = machine, graph, machine.layouts
        self._next = machine.address
        machine.write(machine.address, b"\x5a" * MEMORY_BYTES)

    def place(self, content, guard=0):
        address = self._next = -(-(self._next + guard) // 4) * 4
        self._next += len(content) + guard
        self.machine.write(address, content)
        return address

    def array(self, values):
        return self.place(np.ascontiguousarray(values).tobytes())

    def struct(self, kind, *values):
        return self.place(bytes(getattr(self.layouts, kind)(*values)))

    def channel(self, channel):
        return self.layouts.channel(channel.bias, channel.multiplier, channel.shift)

    def halves(self, operator):
        return halves(self.graph.linear_scale(operator))

    def channels(self, operator):
        return self.place(
            b"".join(bytes(self.channel(c)) for c in packing.channels(self.graph, operator))
            + bytes(12)
        )

    def table(self, operator):
        return (
            0
            if operator.activation in FUSED
            else self.array(activation_table(self.graph, operator)) + 128
        )

    def dense(self, operator):
        inputs = operator.kernel**2 * operator.in_shape[0]
        weights = self.array(packing.dense_weights(self.graph, operator))
        column = -(-inputs // 4) * 4
        return self.layouts.dense(
            weights,
            self.channels(operator),
            self.table(operator),
            inputs,
            column,
            operator.out_shape[0],
            self.halves(operator),
        )

    def window(self, operator):
        (c, h, w), (_, oh, ow) = operator.in_shape, operator.out_shape
        zero = self.graph.scales[operator.inputs[0]].zero_point
        return self.layouts.window(
            h, w, c, oh, ow, operator.kernel, operator.stride, operator.padding[0], zero
        )

    def add(self, operator, inputs):
        first, second, scale, half = self.constants(operator._replace(inputs=inputs)).values()
        arrays = self.array(first), self.array(second)
        return self.struct("add", *arrays, self.channel(scale), half)

    def constants(self, operator):
        """Field -> value, as the kind of the operator says."""
        scales = [self.graph.scales[name] for name in (*operator.inputs, operator.name)]
        return c_kernel(operator).constants(operator, scales[:-1], scales[-1])

    def sum(self, add, own):
        """What the block makes comes first."""
        return self.add(add, (own.name, *(name for name in add.inputs if name != own.name)))

    def pixels(self, pixels):
        project, add = pixels.project, pixels.add
        parts = (
            project and self.place(bytes(self.dense(project))),
            add and self.sum(add, project or pixels.conv),
        )
        conv = self.layouts.conv(self.dense(pixels.conv), self.window(pixels.conv))
        return self.struct("pixels", conv, *(part or 0 for part in parts))

    def rows(self, rows):
        parts = [
            operator and self.place(bytes(self.dense(operator)))
            for operator in (rows.expand, rows.project)
        ]
        add = rows.add and self.sum(rows.add, rows.project)
        depthwise = rows.depthwise
        constants = (
            self.array(packing.depthwise_weights(self.graph, depthwise)),
            self.channels(depthwise),
            self.table(depthwise),
        )
        sizes = (
            rows.present[0].in_shape[0],
            rows_pitch(depthwise),
            self.halves(depthwise),
            self.window(depthwise),
        )
        kernel = self.machine.function(f"lm_depthwise_{depthwise.kernel}_{depthwise.stride}")
        return self.struct(
            "rows", kernel, *(part or 0 for part in (*parts, add)), *constants, *sizes
        )

    def layer(self, step):
        operator = step.operators[0]
        if step.rows:
            return self.rows(step.rows)
        if step.pixels:
            return self.pixels(step.pixels)
        if step.kind == "conv":
            return self.struct("conv", self.dense(operator), self.window(operator))
        if step.kind == "mean":
            return self.struct("mean", *self.constants(operator).values())
        if step.kind == "scale":
            numbers = self.constants(operator)
            numbers["scale"] = self.channel(numbers["scale"])
            return self.struct("scale", *numbers.values())
        return self.add(operator, operator.inputs)

    def run(self, step, tensors, overlap):
        """Output of a call that begins so far before the first input that the memory plan allows
        it, and ``overlap`` bytes more.

        Where ``overlap`` is None, it lies apart.
        """
        layer, (first, *others) = (
            self.layer(step),
            [tensors[name].tobytes() for name in step.inputs],
        )
        distance = step.output_bytes + GUARD_BYTES if overlap is None else step.distance + overlap
        distance = -(-distance // 4) * 4
        arguments = [self.place(content, GUARD_BYTES) for content in others]
        out = self.place(bytes(max(step.output_bytes, distance + len(first))), GUARD_BYTES)
        self.machine.write(out + distance, first)
        scratch = self.place(bytes(step.scratch_bytes), GUARD_BYTES)
        arguments += [
            out,
            *{
                "conv": [scratch],
                "pixels": [scratch],
                "rows": [scratch],
                "add": [step.output_bytes],
            }.get(step.kind, []),
        ]
        start, size = self.machine.address, self._next - self.machine.address
        before = np.frombuffer(self.machine.read(start, size), np.int8)
        self.machine.call(f"lm_{step.kind}", layer, out + distance, *arguments)
        after = np.frombuffer(self.machine.read(start, size), np.int8)
        kept = np.ones(size, bool)
        kept[out - start :][: step.output_bytes] = kept[scratch - start :][: step.scratch_bytes] = (
            False
        )
        assert (before == after)[kept].all(), "written outside of output and scratch"
        return after[out - start :][: step.output_bytes]


def fixed_point(real):
    fraction, exponent = math.frexp(real)
    return math.floor(fraction * 2**31 + 0.5), exponent


def multiply(values, integer, exponent):
    """TFLite's MultiplyByQuantizedMultiplier: the upper half of twice the product, rounded, then a
    rounding shift.
    """
    product = (values << max(exponent, 0)) * integer
    upper = np.where(product >= 0, (product + 2**30) // 2**31, -((-product + 2**30 - 1) // 2**31))
    right = max(-exponent, 0)
    remainder = upper & ((1 << right) - 1)
    return (upper >> right) + (remainder > (((1 << right) - 1) >> 1) + (upper < 0))


def sums_of(operator, weights, values):
    """Convolution in plain integers; ``values`` (height, width, channels)
    without their zero point.
    """
    (_, oh, ow), stride = operator.out_shape, operator.stride
    padded = np.pad(values, (operator.padding, operator.padding, (0, 0)))
    sums = np.zeros((oh, ow, operator.out_shape[0]), np.int64)
    for y, x in np.ndindex(operator.kernel, operator.kernel):
        pixels = padded[
            y : y + stride * (oh - 1) + 1 : stride, x : x + stride * (ow - 1) + 1 : stride
        ]
        tap = weights[:, :, y, x].astype(np.int64)
        sums += pixels * tap[:, 0] if operator.kind == "depthwise" else pixels @ tap.T
    return sums


def expected(graph, operator, tensors):
    """What TFLite makes of an operator's inputs, int8 (height, width, channels)."""
    values = [
        tensors[name].astype(np.int64) - graph.scales[name].zero_point for name in operator.inputs
    ]
    scales, target = (
        [graph.scales[name].scale for name in operator.inputs],
        graph.linear_scale(operator),
    )
    if operator.kind == "add":
        unit = 2 * max(scales)
        wide = sum(
            multiply(value << 20, *fixed_point(scale / unit))
            for value, scale in zip(values, scales, strict=True)
        )
        result = multiply(wide, *fixed_point(unit / (2**20 * target.scale)))
    elif operator.kind == "mul":
        result = multiply(values[0] * values[1], *fixed_point(scales[0] * scales[1] / target.scale))
    elif operator.kind == "mean":
        pixels, (integer, exponent) = values[0][..., 0].size, fixed_point(scales[0] / target.scale)
        shift = pixels.bit_length() - 1
        result = multiply(
            values[0].sum((0, 1), keepdims=True), (integer << shift) // pixels, exponent - shift
        )
    else:
        constants = graph.filters[operator.name]
        sums = sums_of(operator, constants.weights, values[0]) + constants.bias
        reals = [scales[0] * float(scale) / target.scale for scale in constants.scales]
        result = np.stack(
            [multiply(sums[..., i], *fixed_point(real)) for i, real in enumerate(reals)], axis=-1
        )
    result = np.clip(result + target.zero_point, -128, 127)
    if operator.activation not in FUSED:
        result = activation_table(graph, operator)[result + 128]
    return result.astype(np.int8)


def operator(
    name,
    kind,
    inputs,
    in_shape,
    out_channels,
    kernel=1,
    stride=1,
    padding=(0, 0),
    activation="none",
):
    out = [(size + sum(padding) - kernel) // stride + 1 for size in in_shape[1:]]
    return Operator(
        name,
        kind,
        inputs,
        in_shape,
        (out_channels, *out),
        kernel,
        stride,
        padding,
        activation,
        bias=True,
    )


def widened(graph, rng):
    """The same graph with channels that saturate and channels that vanish."""
    filters = {}
    for layer in graph.operators:
        if constants := graph.filters.get(layer.name):
            factors = np.exp(
                rng.uniform(-4, 4, constants.scales.shape)
                * (rng.random(constants.scales.shape) < 0.5)
            )
            unit = graph.linear_scale(layer).scale / graph.scales[layer.inputs[0]].scale
            scales = np.clip(constants.scales * factors, unit * 2**-21, unit * 0.49).astype(
                np.float32
            )
            filters[layer.name] = Filter(constants.weights, scales, constants.bias)
    return IntegerGraph(graph.operators, graph.scales, filters, graph.labels)


def check(machine, graph, rng, overlap, values=(-128, 128)):
    """One kernel call must make of random inputs what all its operators make of them one after the
    other.
    """
    (step,) = c_steps(graph.operators)
    made = {layer.name for layer in graph.operators}
    tensors = {}
    for layer in graph.operators:
        for position, name in enumerate(layer.inputs):
            if name not in made:
                channels, *size = (
                    layer.in_shape
                    if position == 0 or layer.kind == "add"
                    else (layer.in_shape[0], 1, 1)
                )
                tensors.setdefault(name, rng.integers(*values, (*size, channels)).astype(np.int8))
        tensors[layer.name] = expected(graph, layer, tensors)
    result = Call(machine, graph).run(step, tensors, overlap)
    np.testing.assert_array_equal(result, tensors[step.output].reshape(-1))


def geometry(rng, same_size=False):
    """Size of a map, kernel, stride, padding before and after: also one-sided, and with a kernel
    larger than the map.
    """
    while True:
        size = tuple(int(n) for n in rng.integers(1, 12, 2))
        kernel, stride = int(rng.choice([1, 3, 5, 7])), 1 if same_size else int(rng.integers(1, 3))
        before = int(rng.integers(0, kernel))
        after = kernel - 1 - before if same_size else int(rng.integers(0, kernel))
        if min(size) + before + after >= kernel:
            return size, kernel, stride, (before, after)


@pytest.mark.parametrize("seed", range(40))
def test_convolution(machine, integer_graph, seed):
    rng = np.random.default_rng(seed)
    size, *window = geometry(rng) if seed % 2 else ((int(rng.integers(1, 7)),) * 2, 1, 1, (0, 0))
    channels, outputs = (int(n) for n in rng.choice([1, 2, 3, 4, 5, 8, 13, 24], 2))
    layer = operator(
        "a.conv",
        "conv",
        ("input",),
        (channels, *size),
        outputs,
        *window,
        activation=ACTIVATIONS[seed % 6],
    )
    check(machine, widened(integer_graph([layer], seed), rng), rng, overlap=OVERLAPS[seed // 6 % 3])


@pytest.mark.parametrize("seed", range(60))
def test_pixels(machine, integer_graph, seed):
    rng = np.random.default_rng(seed)
    with_project, with_add = seed % 3 != 1, seed % 3 != 2
    windows = iter(lambda: geometry(rng, with_add), None)
    # a 1x1 convolution at stride 1 runs by itself
    size, *window = next(each for each in windows if each[1:3] != (1, 1))
    channels, hidden, outputs = (int(n) for n in rng.choice([1, 2, 3, 4, 5, 8, 13, 24], 3))
    outputs = channels if with_add else outputs
    first = hidden if with_project else outputs
    layers = [
        operator(
            "a.conv",
            "conv",
            ("input",),
            (channels, *size),
            first,
            *window,
            activation=str(rng.choice(ACTIVATIONS)),
        )
    ]
    if with_project:
        layers.append(operator("a.project", "conv", ("a.conv",), layers[0].out_shape, outputs))
    if with_add:
        inputs = (layers[-1].name, "input") if seed % 2 else ("input", layers[-1].name)
        layers.append(operator("a.add", "add", inputs, layers[-1].out_shape, outputs))
    check(machine, widened(integer_graph(layers, seed), rng), rng, overlap=OVERLAPS[seed // 6 % 3])


@pytest.mark.parametrize("seed", range(60))
def test_rows(machine, integer_graph, seed):
    rng = np.random.default_rng(seed)
    with_expand, with_project, with_add = seed % 2, seed // 2 % 2, seed // 4 % 2
    size, *window = geometry(rng, with_project and with_add)
    channels, hidden, outputs = (int(n) for n in rng.choice([1, 2, 3, 4, 6, 9, 16], 3))
    layers, tensor = [], "input"
    if with_expand:
        layers.append(
            operator(
                "a.expand",
                "conv",
                ("input",),
                (channels, *size),
                hidden,
                activation=str(rng.choice(ACTIVATIONS)),
            )
        )
        tensor = "a.expand"
    shape = (hidden if with_expand else channels, *size)
    layers.append(
        operator(
            "a.depthwise",
            "depthwise",
            (tensor,),
            shape,
            shape[0],
            *window,
            activation=str(rng.choice(ACTIVATIONS)),
        )
    )
    if with_project:
        outputs = channels if with_add else outputs
        layers.append(
            operator("a.project", "conv", ("a.depthwise",), layers[-1].out_shape, outputs)
        )
        if with_add:
            inputs = ("a.project", "input") if seed % 3 else ("input", "a.project")
            layers.append(operator("a.add", "add", inputs, layers[-1].out_shape, outputs))
    check(machine, widened(integer_graph(layers, seed), rng), rng, overlap=OVERLAPS[seed // 8 % 3])


@pytest.mark.parametrize("kind", ["mean", "mul", "add", "linear"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (4, 1, 1), (5, 3, 3), (3, 20, 20), (8, 17, 16), (13, 2, 7)]
)
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_others(machine, integer_graph, kind, shape, overlap):
    rng = np.random.default_rng(sum(shape))
    if kind == "linear":
        layer = operator("a.linear", kind, ("input",), (shape[0] * shape[1], 1, 1), shape[2])
    else:
        inputs = ("input", "other")[: 1 if kind == "mean" else 2]
        layer = operator("a.layer", kind, inputs, shape, shape[0])
        layer = layer._replace(out_shape=(shape[0], 1, 1) if kind == "mean" else shape)
    graph = integer_graph([operator("other", "conv", ("input",), shape, shape[0]), layer], 0)
    check(
        machine,
        IntegerGraph((layer,), graph.scales, graph.filters, ()),
        rng,
        None if kind == "mean" else overlap,
    )


def test_mean_of_the_largest_values(machine, integer_graph):
    """More pixels than 16 bits hold the sum of."""
    layer = operator("a.mean", "mean", ("input",), (6, 29, 31), 6)._replace(out_shape=(6, 1, 1))
    for value in (-128, 127):
        check(machine, integer_graph([layer]), np.random.default_rng(0), None, (value, value + 1))


def test_every_rounding(machine):
    """Sums up to 2^30 under multipliers down to 2^-23, half of them powers of two, with results at
    and about a half.
    """
    rng = np.random.default_rng(0)
    outputs = 4000
    reals = np.float32(2) ** rng.integers(-23, -2, outputs) * np.where(
        np.arange(outputs) % 2, 1, rng.uniform(1, 2, outputs)
    )
    room = np.minimum(2**30 - 2**16, 140 / reals)
    layer = operator("a.conv", "conv", ("input",), (1, 3, 2), outputs)
    bias = np.round(rng.uniform(-room, room) * reals * 2) / 2 / reals
    constants = Filter(
        rng.integers(-1, 2, (outputs, 1, 1, 1)).astype(np.int8),
        reals.astype(np.float32),
        bias.astype(np.int32),
    )
    graph = IntegerGraph(
        (layer,), {"input": Scale(1.0, 3), "a.conv": Scale(1.0, -5)}, {"a.conv": constants}, ()
    )
    check(machine, graph, rng, overlap=None, values=(1, 6))
