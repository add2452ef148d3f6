"""Sizes of TensorFlow Lite Micro's structures, on a Cortex-M and on the host."""

from collections.abc import Mapping
from typing import NamedTuple


class Layout(NamedTuple):
    """Sizes in bytes of TFLM's structures, as one compiler lays them out for one processor.

    Attributes:
        pointer: a ScratchBufferHandle is one, too.
        objects: the allocator, the planner and the micro allocator, which live in the arena
            themselves; of the recording interpreter, which the figures that this model is checked
            against come from.
        subgraph: SubgraphAllocations.
        tensor: TfliteEvalTensor, one for every tensor, constants included.
        node: NodeAndRegistration, one for every operator.
        io_tensor: TfLiteTensor, for the input and the output, each with one
            TfLiteAffineQuantization (``quantization``) and one TfLiteIntArray of a zero point.
        options: kind -> (size, alignment) of its TfLite...Params; a kind that is not listed has
            none.
        op_data: kind -> what its kernel keeps about one operator.
    """

    pointer: int
    objects: int
    subgraph: int
    tensor: int
    node: int
    io_tensor: int
    quantization: int
    options: Mapping[str, tuple[int, int]]
    op_data: Mapping[str, int]


# 32 bits, enumerations as short as can be: gcc's rules for bare-metal Arm. ``objects`` and
# FULLY_CONNECTED's options are known as a sum only, from the arena measured on a Cortex-M7; all
# else follows from the structures' fields.
CORTEX_M = Layout(
    pointer=4,
    objects=208,
    subgraph=8,
    tensor=12,
    node=32,
    io_tensor=32,
    quantization=12,
    options={
        "CONV_2D": (28, 4),
        "DEPTHWISE_CONV_2D": (28, 4),
        "FULLY_CONNECTED": (8, 4),
        "MEAN": (1, 1),
        "ADD": (2, 1),
        "MUL": (1, 1),
        "LEAKY_RELU": (4, 4),
    },
    op_data={
        "CONV_2D": 56,
        "DEPTHWISE_CONV_2D": 56,
        "FULLY_CONNECTED": 56,
        "MEAN": 44,
        "ADD": 60,
        "MUL": 36,
        "PAD": 56,
        "LOGISTIC": 16,
        "HARD_SWISH": 20,
        "LEAKY_RELU": 24,
    },
)
# The tflite-micro wheel on a 64-bit host, to the byte: every size that holds no pointer is that of
# `CORTEX_M`. OpData of convolutions and linear layers also count the fields for compressed weights,
# with which the wheel is built.
X86_64 = Layout(
    pointer=8,
    objects=472,
    subgraph=16,
    tensor=24,
    node=64,
    io_tensor=64,
    quantization=24,
    options={
        "CONV_2D": (28, 4),
        "DEPTHWISE_CONV_2D": (28, 4),
        "FULLY_CONNECTED": (32, 8),
        "MEAN": (1, 1),
        "ADD": (8, 4),
        "MUL": (4, 4),
        "LEAKY_RELU": (4, 4),
    },
    op_data={**CORTEX_M.op_data, "CONV_2D": 80, "DEPTHWISE_CONV_2D": 80, "FULLY_CONNECTED": 72},
)
# What kernels of CMSIS-NN keep on a Cortex-M where it is more than TFLM's own: the index of a
# scratch buffer, and for a linear layer also its shape and sums.
CMSIS_NN_OP_DATA = {"CONV_2D": 60, "DEPTHWISE_CONV_2D": 60, "FULLY_CONNECTED": 84}
