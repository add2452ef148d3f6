"""How a TFLite file holds an operator, and what TensorFlow Lite Micro keeps of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TfliteShape = tuple[int, ...]
# Kernel (height, width), shapes of the first input and of the output as the file has them -> bytes.
Scratch = Callable[[tuple[int, int], TfliteShape, TfliteShape], tuple[int, ...]]


class Params(NamedTuple):
    """An operator's TfLite...Params in bytes; an operator without has none."""

    size: int = 0
    alignment: int = 1


class Sizes(NamedTuple):
    """What an operator takes of the arena on one processor, bytes.

    Attributes:
        op_data: what TFLM's kernel keeps about one operator.
    """

    op_data: int
    params: Params = Params()


def _no_scratch(
    kernel: tuple[int, int], in_shape: TfliteShape, out_shape: TfliteShape
) -> tuple[int, ...]:
    return ()


@dataclass(frozen=True)
class Builtin:
    """One builtin operator of TFLite's schema.

    Sizes on a Cortex-M follow from the structures' fields by gcc's rules for bare-metal Arm: 32
    bits, enumerations as short as can be. Those on the host are the tflite-micro wheel's, to the
    byte; every size that holds no pointer is the same.

    Attributes:
        name: in ``BuiltinOperator``.
        version: the oldest that takes int8, and per-channel weights in a convolution (TensorFlow,
            op_version.cc).
        cortex_m, host: sizes by processor; the host is 64-bit.
        cmsis_nn_op_data: what Arm's kernel keeps on a Cortex-M, where it is more than TFLM's own.
        options: class of its settings in the schema; empty for none.
        settings: arguments of that class, by names that the writer knows: ``padding``,
            ``stride_width``, ``stride_height``, ``activation``, ``keep_dims``, ``slope``; or
            numbers.
        scratch: bytes that any kernel uses while it runs, one number a buffer.
        cmsis_nn_scratch: the same, of Arm's kernel alone.
        shared: constants read after the activations: name -> int32 values; operators share them.
        weight_axes: ours (output, input, height, width) in the file's order.
        quantized_axis: of the weights in the file, to which the scales belong.
        channel_op_data: the kernel also keeps multiplier and shift of every output channel.
        pads: padding is TensorFlow's SAME or VALID; all other padding is an operator PAD.
        flat: reads and makes tensors without height and width.
    """

    name: str
    version: int
    cortex_m: Sizes
    host: Sizes
    cmsis_nn_op_data: int | None = None
    options: str = ""
    settings: tuple[str | int, ...] = ()
    scratch: Scratch = _no_scratch
    cmsis_nn_scratch: Scratch = _no_scratch
    shared: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    weight_axes: tuple[int, ...] = (0, 2, 3, 1)
    quantized_axis: int = 0
    channel_op_data: bool = False
    pads: bool = False
    flat: bool = False


# What no kind of operator is, and a file holds beside them: padding, and activations that are
# tables.
PAD = Builtin("PAD", 2, Sizes(56), Sizes(56), options="PadOptions")
LOGISTIC = Builtin("LOGISTIC", 2, Sizes(16), Sizes(16))
HARD_SWISH = Builtin("HARD_SWISH", 1, Sizes(20), Sizes(20), options="HardSwishOptions")
LEAKY_RELU = Builtin(
    "LEAKY_RELU",
    2,
    Sizes(24, Params(4, 4)),
    Sizes(24, Params(4, 4)),
    options="LeakyReluOptions",
    settings=("slope",),
)
# Name -> operator of TFLite; kinds of operators are added by `register`.
BUILTINS: dict[str, Builtin] = {
    builtin.name: builtin for builtin in (PAD, LOGISTIC, HARD_SWISH, LEAKY_RELU)
}
