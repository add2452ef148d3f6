"""TFLM's arena by formula: by hand, and against what was measured on an emulated Cortex-M7."""

import csv

import numpy as np
import pytest

from lmanet.cost.memory import live_bytes
from lmanet.cost.tflm.arena import arena_of, tflm_arena
from lmanet.cost.tflm.operators import TfliteOperator
from lmanet.network.graph import operators
from lmanet.network.operators import BUILTINS, Builtin
from lmanet.network.operators.builtin import Sizes
from lmanet.space import load_space

CLASSES = 100


def test_the_head_of_a_depthwise_stage_by_hand(make):
    """8 x 8 image. Bytes, each a multiple of 16: input and depthwise 192 each, project 1,024, pool
    16, logits 16.

    project runs with 192 + 1,024; so does the pool, with 16 and its scratch of 16, 16 and 4 x 16
    channels = 64: 1,024 + 16 + 96.
    """
    arena = tflm_arena(operators(make(resolution=8), 10), "reference")
    assert (arena.head_bytes, arena.peak_operator) == (192 + 1_024, "stage1.0.project")


def test_swish_has_three_tensors_alive(make):
    """Depthwise on 3 channels at 8 x 8: its result, the sigmoid and their product, 192 bytes each;
    project needs 192 + 128.
    """
    arena = tflm_arena(
        operators(make({"activation": "swish", "channels": 2}, resolution=8), 10), "reference"
    )
    assert (arena.head_bytes, arena.peak_operator) == (3 * 192, "stage1.0.depthwise")


def test_cmsis_nn_needs_scratch_for_a_window_that_is_not_3x3(make):
    """5 x 5 x 3 channels as int16 are 150 bytes, 160 in the arena, beside image and result of 192
    each.
    """
    graph = operators(make({"kernel": 5, "channels": 1}, resolution=8), 10)
    heads = [tflm_arena(graph, kernels).head_bytes for kernels in ("reference", "cmsis_nn")]
    assert heads == [2 * 192, 2 * 192 + 160]


def test_the_tail_by_hand(make):
    """4 operators and 5 activations, 6 weights and biases, axes: 12 tensors.

    prefix  208 objects + 8 subgraph + 12 x 12 tensors + 4 x 32 operators = 488; options 28 + 28 + 1
    + 8, at a multiple of 4: 556 kernels 56, 56, 44, 56, each up to a multiple of 16: 624, 688, 736,
    800; then 2 x 16 for 3 channels, 2 x 64 for 16 handles 3 x 4 and an array of one pointer: 16;
    then a tensor of 32, quantisation 12, zero point 8, and the next array: 64; again 52
    """
    tail = tflm_arena(operators(make(resolution=8), 10), "reference").tail_bytes
    assert tail == 800 + 32 + 128 + 16 + 64 + 52


class _Reference:
    """A network of the reference, as a converter for PyTorch writes it: SE with MUL by 1/6, a PAD
    for each strided convolution.
    """

    def __init__(self, size, padding):
        self.operators, self.padding = [], padding
        self.tensor, self.shape = "input", (1, size, size, 3)

    def push(self, kind, out_shape, constants=(), inputs=None, **more):
        name = f"{kind}{len(self.operators)}"
        in_shape = more.pop("in_shape", self.shape)
        self.operators.append(
            TfliteOperator(
                kind, name, inputs or (self.tensor,), constants, name, in_shape, out_shape, **more
            )
        )
        self.tensor, self.shape = name, out_shape

    def conv(self, channels, kernel=1, stride=1, activation=None, kind="CONV_2D"):
        size = -(-self.shape[1] // stride)
        if padded := stride > 1 and self.padding == "torch":
            side = self.shape[1] + kernel // 2 * 2
            self.push("PAD", (1, side, side, self.shape[3]), (f"pad{kernel}",))
        constants = (f"weights{len(self.operators)}", f"bias{len(self.operators)}")
        padding = "VALID" if padded else "SAME"
        self.push(
            kind,
            (1, size, size, channels),
            constants,
            kernel=(kernel, kernel),
            stride=(stride, stride),
            padding=padding,
        )
        if activation == "hard_swish":
            self.push("HARD_SWISH", self.shape)

    def squeeze_excite(self):
        tensor, shape = self.tensor, self.shape
        self.push("MEAN", (1, 1, 1, shape[3]), ("axes",))
        self.conv(max(8, shape[3] // 4))
        self.conv(shape[3])
        self.push("MUL", self.shape, ("sixth",))
        self.push("MUL", shape, inputs=(tensor, self.tensor), in_shape=shape)

    def block(self, kind, channels, kernel, stride, expansion, se, activation):
        tensor, hidden = self.tensor, self.shape[3]
        if kind == "mbconv" and expansion > 1:
            hidden *= expansion
            self.conv(hidden, activation=activation)
        if kind == "conv":
            hidden = channels
            self.conv(hidden, kernel, stride, activation)
        else:
            self.conv(hidden, kernel, stride, activation, "DEPTHWISE_CONV_2D")
        if se:
            self.squeeze_excite()
        if kind != "conv":
            self.conv(channels, activation=activation if kind == "depthwise" else None)
        return tensor

    def stage(self, layers, kind, channels, kernel, stride, *rest):
        for layer in range(layers):
            before = self.shape
            tensor = self.block(kind, channels, kernel, stride if layer == 0 else 1, *rest)
            if self.shape == before:
                self.push("ADD", self.shape, inputs=(tensor, self.tensor))

    def classifier(self):
        batch, height, width, channels = self.shape
        if self.padding == "torch":
            self.push("TRANSPOSE", (batch, channels, height, width), ("permutation",))
        self.push("MEAN", (batch, channels), ("axes of the pool",))
        self.push("FULLY_CONNECTED", (batch, CLASSES), ("weights", "bias"))


# Image, stem's channels and stride, stages (layers, block, channels, kernel, stride, expansion, SE,
# activation), head, its activation.
NETWORKS = {
    "mb_se_hs": (
        (128, 16, 2, 384, "hard_swish"),
        (1, "mbconv", 16, 3, 1, 1, 0, "relu6"),
        (2, "mbconv", 24, 3, 2, 4, 0, "relu6"),
        (3, "mbconv", 40, 5, 2, 4, 1, "hard_swish"),
        (3, "mbconv", 80, 3, 2, 4, 1, "hard_swish"),
        (2, "mbconv", 112, 5, 2, 4, 1, "hard_swish"),
    ),
    "mb_relu6": (
        (96, 16, 2, 256, "relu6"),
        (1, "mbconv", 16, 3, 1, 1, 0, "relu6"),
        (2, "mbconv", 24, 3, 2, 4, 0, "relu6"),
        (3, "mbconv", 32, 3, 2, 4, 0, "relu6"),
        (3, "mbconv", 64, 5, 2, 4, 0, "relu6"),
        (2, "mbconv", 96, 3, 2, 6, 0, "relu6"),
    ),
    "dwsep": (
        (96, 16, 2, 0, "relu6"),
        (1, "depthwise", 32, 3, 1, 1, 0, "relu6"),
        (2, "depthwise", 64, 3, 2, 1, 0, "relu6"),
        (2, "depthwise", 96, 3, 2, 1, 0, "relu6"),
        (3, "depthwise", 128, 3, 2, 1, 0, "relu6"),
        (2, "depthwise", 192, 3, 2, 1, 0, "relu6"),
    ),
    "conv32": (
        (32, 16, 1, 0, "relu"),
        (1, "conv", 16, 3, 1, 1, 0, "relu"),
        (2, "conv", 24, 3, 2, 1, 0, "relu"),
        (2, "conv", 32, 3, 2, 1, 1, "relu"),
        (2, "mbconv", 64, 3, 2, 4, 0, "relu"),
        (1, "conv", 96, 3, 1, 1, 0, "relu"),
    ),
    "mixed160": (
        (160, 8, 2, 256, "hard_swish"),
        (1, "depthwise", 16, 3, 1, 1, 0, "relu6"),
        (2, "mbconv", 24, 5, 2, 3, 0, "relu6"),
        (2, "mbconv", 40, 7, 2, 3, 1, "hard_swish"),
        (3, "depthwise", 80, 5, 2, 1, 0, "hard_swish"),
        (2, "mbconv", 128, 3, 2, 3, 1, "hard_swish"),
    ),
}
# Their linear layer has scales per channel, of which the converter writes multiplier and shift;
# ours has one scale.
LINEAR_PER_CHANNEL = 2 * 4 * CLASSES


@pytest.mark.parametrize("kernels", ["reference", "cmsis_nn"])
@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("name", NETWORKS)
def test_arena_of_an_emulated_cortex_m7(name, padding, kernels, lmanet_data, monkeypatch):
    (size, channels, stride, head, activation), *stages = NETWORKS[name]
    network = _Reference(size, padding)
    network.conv(channels, 3, stride, activation)
    for stage in stages:
        network.stage(*stage)
    if head:
        network.conv(head, activation=activation)
    network.classifier()
    with (lmanet_data / "reference" / "qemu_reference.csv").open() as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if row["model"] == name and row["variant"] == f"{padding}_pad"
        ]
    monkeypatch.setitem(BUILTINS, "TRANSPOSE", Builtin("TRANSPOSE", 1, Sizes(0), Sizes(0)))
    arena = arena_of(network.operators, kernels)
    column = {"reference": "tflm_arena_M7_ref_bytes", "cmsis_nn": "tflm_arena_M7_cmsisnn_bytes"}[
        kernels
    ]
    measured_tail_bytes = int(row[column]) - int(row["tflm_head_bytes"])
    assert arena.head_bytes == int(row["tflm_head_bytes"])
    assert arena.tail_bytes + LINEAR_PER_CHANNEL == measured_tail_bytes
    assert arena.arena_bytes < int(row["tflm_arena_host_wheel_bytes"])


@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_the_head_holds_at_least_what_is_alive(space):
    spaces, rng = load_space(space), np.random.default_rng(0)
    for _ in range(20):
        graph = operators(spaces.sample(rng), 10)
        assert tflm_arena(graph).head_bytes >= max(live_bytes(graph))
