"""Sizes of TensorFlow Lite Micro's structures, on a Cortex-M and on the host."""

from typing import Literal, NamedTuple


class Layout(NamedTuple):
    """Sizes in bytes of TFLM's structures, as one compiler lays them out for one processor; those
    of one kind of operator stand with it (`lmanet.network.operators.builtin`).

    Attributes:
        processor: whose sizes of operators these go with.
        pointer: a ScratchBufferHandle is one, too.
        objects: the allocator, the planner and the micro allocator, which live in the arena
            themselves; of the recording interpreter, which the figures that this model is checked
            against come from.
        subgraph: SubgraphAllocations.
        tensor: TfliteEvalTensor, one for every tensor, constants included.
        node: NodeAndRegistration, one for every operator.
        io_tensor: TfLiteTensor, for the input and the output, each with one
            TfLiteAffineQuantization (``quantization``) and one TfLiteIntArray of a zero point.
    """

    processor: Literal["cortex_m", "host"]
    pointer: int
    objects: int
    subgraph: int
    tensor: int
    node: int
    io_tensor: int
    quantization: int


# 32 bits, enumerations as short as can be: gcc's rules for bare-metal Arm. ``objects`` and the
# parameters of FULLY_CONNECTED are known as a sum only, from the arena measured on a Cortex-M7; all
# else follows from the structures' fields.
CORTEX_M = Layout(
    processor="cortex_m",
    pointer=4,
    objects=208,
    subgraph=8,
    tensor=12,
    node=32,
    io_tensor=32,
    quantization=12,
)
# The tflite-micro wheel on a 64-bit host, to the byte: every size that holds no pointer is that of
# `CORTEX_M`.
X86_64 = Layout(
    processor="host",
    pointer=8,
    objects=472,
    subgraph=16,
    tensor=24,
    node=64,
    io_tensor=64,
    quantization=24,
)
