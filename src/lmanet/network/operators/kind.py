"""What an operator is, and what must be known of each kind of operator: plain data and pure
functions, read by cost, builders and writers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, prod
from typing import Any, Literal, NamedTuple

from lmanet.errors import ConfigError
from lmanet.network.operators.builtin import BUILTINS, Builtin

Shape = tuple[int, int, int]
FilterShape = tuple[int, int, int, int]
INPUT = "input"
# How often each piece of a kernel runs.
Counts = list[tuple[str, int]]


class Side(NamedTuple):
    """How a window moves along one side of an image.

    Attributes:
        padding: pixels of zeros (before, after).
    """

    kernel: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)


class Form(NamedTuple):
    """What an operator's result depends on beside its input.

    Attributes:
        channels: of the result, where the kind leaves a choice.
        kernel, stride, padding, across: as `Operator` has them.
    """

    channels: int = 0
    kernel: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    across: Side | None = None

    @property
    def sides(self) -> tuple[Side, Side]:
        """In height and in width."""
        down = Side(self.kernel, self.stride, self.padding)
        return down, self.across or down


POINT = Form()


class Operator(NamedTuple):
    """One operator of a network; every operator makes one tensor, which bears its name.

    Attributes:
        name: ``part.role``, such as ``stage2.0.expand``; operators of one part form a block with
            one input.
        kind: a name in `KINDS`.
        inputs: names of the tensors read; ``input`` is the image.
        in_shape, out_shape: (channels, height, width) of the first input and of the result.
        kernel, stride, padding: in height, and in width too where ``across`` is None; padding is
            pixels of zeros (before, after).
        activation: applied to the result in place; ``none``, one of `Activation`, or SE's ``relu``
            and ``sigmoid``.
        norm: batch norm follows, folded into the weights in int8.
        bias: the operator has a bias of its own.
        across: in width, where that differs from the height.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape
    kernel: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    activation: str = "none"
    norm: bool = False
    bias: bool = False
    across: Side | None = None

    @property
    def sides(self) -> tuple[Side, Side]:
        """How its window moves in height and in width."""
        down = Side(self.kernel, self.stride, self.padding)
        return down, self.across or down

    @property
    def window(self) -> int:
        """Pixels under its window."""
        return self.sides[0].kernel * self.sides[1].kernel

    @property
    def strides(self) -> bool:
        """Whether it makes fewer pixels than it reads, by its stride in height or in width."""
        return any(side.stride > 1 for side in self.sides)

    @property
    def filter_shape(self) -> FilterShape | None:
        """Of the weights: (output channels, input channels of each, height, width); None without
        weights.
        """
        shape = kind_of(self).filter_shape
        return shape(self) if shape else None

    @property
    def weights(self) -> int:
        """Weights without bias; 0 for operators without."""
        return prod(self.filter_shape or (0,))

    @property
    def groups(self) -> int:
        """Parts of its input that its weights read by themselves; 1 where each output reads all."""
        return self.in_shape[0] // self.filter_shape[1] if self.filter_shape else 1

    @property
    def part(self) -> str:
        """Name of the block that the operator belongs to."""
        return self.name.rpartition(".")[0]

    @property
    def role(self) -> str:
        """Its name within its block."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class CKernel:
    """The function ``lm_<name>`` of our C, and the structure ``lm_<name>_layer`` that it is given.

    Attributes:
        name: of the function.
        bits: structure -> field -> bits, sign included, of its numbers; structures that another
            kernel has too stand in one of them.
        numbers: structure -> field -> value, as far as they follow from shapes: a number that its
            field does not hold keeps a network out of the generated C.
        constants: field -> value of the structure, in its order; a value is a number, a
            `lmanet.network.fixed_point.Channel` or an int32 array. Given the operator, the scales
            of its inputs and that of its result. None where the writer packs a filter.
        flash_bytes: all constants of one operator.
        scratch_bytes: memory that a call needs for itself; None where the function takes none.
        distance: bytes before the start of its first input at which the output may start at the
            latest, if that input is not read again; None where it may not write over its input.
        overwritable: how many of its inputs it may write over.
        takes_size: the last argument of a call is the number of bytes that it makes.
        pieces: piece of the function -> how often it runs.
        instructions: piece -> instructions each time, fitted by tests/scripts/fit_instructions.py
            to what an emulated Cortex-M7 counts.
    """

    name: str
    bits: Mapping[str, Mapping[str, int]]
    numbers: Callable[[Operator], Mapping[str, Mapping[str, int]]]
    constants: Callable[[Operator, Sequence[Any], Any], Mapping[str, Any]] | None
    flash_bytes: Callable[[Operator], int]
    scratch_bytes: Callable[[Operator], int] | None = None
    distance: Callable[[Operator], int | None] = lambda operator: 0
    overwritable: int = 1
    takes_size: bool = False
    pieces: Callable[[Operator], Counts] = lambda operator: []
    instructions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class OperatorKind:
    """One kind of operator.

    Attributes:
        name: `Operator.kind`; part of the ids of networks.
        shape: shape of the first input, form -> shape of the result.
        filter_shape: of the weights; None for a kind without.
        layer: class of ``torch.nn`` that has the weights.
        compute: for a kind without weights: its inputs as float tensors (N, channels, height,
            width) -> its result, by methods of tensors alone.
        fused_as: its part in kernels that run several operators at once: ``window`` multiplies all
            channels of a window, ``depthwise`` each channel of a window by itself, ``sum`` adds
            what the kernel made and the kernel's input. None runs by itself.
        scale_bounds: for a kind without weights: scales of its int8 inputs -> least and greatest
            scale of its result, by what multipliers can do and what the inputs can make.
        scale_per_channel: its weights have a scale for each output channel, not one in all.
        c: the kernel of our C; None where there is none, so that ``runtime=c_static`` refuses it.
        tflite: how a ``.tflite`` file holds it; None where none can, so that it is never deployed.
    """

    name: str
    shape: Callable[[Shape, Form], Shape]
    filter_shape: Callable[[Operator], FilterShape] | None = None
    layer: Literal["Conv2d", "Linear"] = "Conv2d"
    compute: Callable[[Sequence[Any]], Any] | None = None
    fused_as: Literal["window", "depthwise", "sum"] | None = None
    scale_bounds: Callable[[Sequence[float]], tuple[float, float]] = lambda scales: (0.0, inf)
    scale_per_channel: bool = True
    c: CKernel | None = None
    tflite: Builtin | None = None

    def __post_init__(self) -> None:
        if (self.filter_shape is None) == (self.compute is None):
            raise ConfigError(
                f"the kind of operator {self.name} has filter_shape and compute, or neither; give "
                "one of them to its OperatorKind"
            )


# Name -> kind; filled by `lmanet.network.operators`.
KINDS: dict[str, OperatorKind] = {}


def register(kind: OperatorKind) -> None:
    """Make a kind known; one of the same name is replaced."""
    KINDS[kind.name] = kind
    if kind.tflite:
        BUILTINS[kind.tflite.name] = kind.tflite


def kind_of(operator: Operator) -> OperatorKind:
    """All that is known of an operator's kind.

    Raises:
        ConfigError: the kind is unknown.
    """
    try:
        return KINDS[operator.kind]
    except KeyError:
        raise ConfigError(
            f"{operator.name} is of the unknown kind {operator.kind!r}; legal are "
            f"{', '.join(sorted(KINDS))} (lmanet.network.operators)"
        ) from None


def make_operator(
    name: str, kind: str, inputs: tuple[str, ...], in_shape: Shape, form: Form = POINT
) -> Operator:
    """An operator whose result has the shape that its kind says.

    Args:
        name, kind, inputs, in_shape: as `Operator` has them.
        form: what its shape depends on besides.
    """
    down, across = form.sides
    unshaped = Operator(
        name, kind, inputs, in_shape, in_shape, *down, across=None if across == down else across
    )
    return unshaped._replace(out_shape=kind_of(unshaped).shape(in_shape, form))


def c_kernel(operator: Operator) -> CKernel:
    """The kernel of our C that runs an operator by itself.

    Raises:
        ConfigError: there is none.
    """
    if (kernel := kind_of(operator).c) is None:
        legal = ", ".join(sorted(name for name, kind in KINDS.items() if kind.c))
        raise ConfigError(
            f"{operator.name}: the kind {operator.kind} has no kernel in our C; legal under "
            f"runtime=c_static are {legal}; take another runtime (conf/target)"
        )
    return kernel


def builtin_of(operator: Operator) -> Builtin:
    """How a ``.tflite`` file holds an operator.

    Raises:
        ConfigError: no such file can.
    """
    if (builtin := kind_of(operator).tflite) is None:
        legal = ", ".join(sorted(name for name, kind in KINDS.items() if kind.tflite))
        raise ConfigError(
            f"{operator.name}: the kind {operator.kind} has no form in TFLite; legal under "
            f"runtime=tflm are {legal}; take another runtime (conf/target)"
        )
    return builtin
