"""Architecture -> operators with their shapes and order: the one source of cost, memory plan,
identity and network.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from lmanet.network.architecture import Architecture, Padding, Stage
from lmanet.network.operators import INPUT, Form, Operator, Shape, Side, make_operator

__all__ = ["INPUT", "Operator", "Shape", "feature_operators", "operators", "operators_id"]


def operators(architecture: Architecture, num_classes: int) -> tuple[Operator, ...]:
    """All operators in the order in which a runtime executes them."""
    return (
        *feature_operators(architecture),
        *_classifier(feature_operators(architecture)[-1], num_classes),
    )


@lru_cache(maxsize=4096)
def feature_operators(architecture: Architecture) -> tuple[Operator, ...]:
    """The operators before the classifier."""
    chain = _Chain(architecture.padding, architecture.input_shape)
    if stem := architecture.stem:
        chain.conv("stem.conv", stem.channels, (stem.kernel, stem.stride), stem.activation)
    for number, stage in enumerate(architecture.stages, start=1):
        for layer in range(stage.layers):
            _block(chain, f"stage{number}.{layer}", stage, stage.stride if layer == 0 else 1)
    if head := architecture.head:
        chain.conv("head.conv", head.channels, activation=head.activation)
    return tuple(chain.operators)


def operators_id(architecture: Architecture) -> str:
    """Twelve hexadecimal digits, equal for two architectures exactly where their operators are
    equal.
    """
    numbers = {INPUT: 0}
    digest = hashlib.sha256()
    for number, operator in enumerate(feature_operators(architecture), start=1):
        numbers[operator.name] = number
        digest.update(repr(_identity(operator, numbers)).encode())
    return digest.hexdigest()[:12]


def _identity(operator: Operator, numbers: dict[str, int]) -> tuple[object, ...]:
    """All of an operator but its name; inputs by their numbers. Ids of old
    runs rest on the order, and on nothing more for a square window.
    """
    square = (
        operator.kind,
        [numbers[name] for name in operator.inputs],
        operator.in_shape,
        operator.out_shape,
        operator.kernel,
        operator.stride,
        operator.padding,
        operator.activation,
        operator.norm,
        operator.bias,
    )
    return (*square, tuple(operator.across)) if operator.across else square


class _Chain:
    """Operators so far, with the tensor that the next one reads."""

    def __init__(self, padding: Padding, shape: Shape) -> None:
        self.operators: list[Operator] = []
        self.padding = padding
        self.tensor = INPUT
        self.shape = shape
        self.moves = tuple(size > 1 for size in shape[1:])  # not along a side of one pixel

    def conv(
        self, name: str, channels: int, window: tuple[int, int] = (1, 1), activation: str = "none"
    ) -> None:
        """``window``: kernel and stride."""
        self._slide(name, "conv", channels, window, activation)

    def depthwise(self, name: str, window: tuple[int, int], activation: str) -> None:
        self._slide(name, "depthwise", self.shape[0], window, activation)

    def _slide(
        self, name: str, kind: str, channels: int, window: tuple[int, int], activation: str
    ) -> None:
        down, across = (
            self._side(size, *window) if moves else Side()
            for size, moves in zip(self.shape[1:], self.moves, strict=True)
        )
        form = Form(channels, *down, across)
        made = make_operator(name, kind, (self.tensor,), self.shape, form)
        self.push(made._replace(activation=activation, norm=True))

    def _side(self, size: int, kernel: int, stride: int) -> Side:
        if self.padding == "same":
            return Side(kernel, stride, pad_same(size, kernel, stride))
        return Side(kernel, stride, (kernel // 2, kernel // 2))

    def gate(self, name: str, channels: int, activation: str) -> None:
        """A convolution of one pixel with a bias of its own."""
        made = make_operator(name, "conv", (self.tensor,), self.shape, Form(channels))
        self.push(made._replace(activation=activation, bias=True))

    def push(self, operator: Operator) -> None:
        self.operators.append(operator)
        self.tensor, self.shape = operator.name, operator.out_shape


def pad_same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME: ceil(size / stride) outputs, the odd pixel of padding after the image."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _block(chain: _Chain, part: str, stage: Stage, stride: int) -> None:
    tensor, shape = chain.tensor, chain.shape
    if stage.block == "conv":
        chain.conv(f"{part}.conv", stage.channels, (stage.kernel, stride), stage.activation)
    else:
        _hidden(chain, part, stage, stride)
        if stage.se_ratio > 0:
            _squeeze_excite(chain, part, stage.se_ratio)
        chain.conv(f"{part}.project", stage.channels)
    if stage.skip and stride == 1 and (stage.block != "conv" or shape[0] == stage.channels):
        _skip(chain, part, tensor, shape)


def _hidden(chain: _Chain, part: str, stage: Stage, stride: int) -> None:
    """From the block's input to its hidden channels, with the kernel and the stride."""
    channels, window = chain.shape[0] * stage.expansion, (stage.kernel, stride)
    if stage.block == "fused":
        chain.conv(f"{part}.expand", channels, window, stage.activation)
        return
    if stage.block == "mbconv" and stage.expansion > 1:
        chain.conv(f"{part}.expand", channels, activation=stage.activation)
    chain.depthwise(f"{part}.depthwise", window, stage.activation)


def _squeeze_excite(chain: _Chain, part: str, ratio: float) -> None:
    tensor, shape = chain.tensor, chain.shape
    chain.push(make_operator(f"{part}.se_mean", "mean", (tensor,), shape))
    chain.gate(f"{part}.se_reduce", max(1, int(shape[0] * ratio)), "relu")
    chain.gate(f"{part}.se_expand", shape[0], "sigmoid")
    chain.push(make_operator(f"{part}.se_scale", "mul", (tensor, chain.tensor), shape))


def _skip(chain: _Chain, part: str, tensor: str, shape: Shape) -> None:
    projected, out = chain.tensor, chain.shape
    if shape[0] != out[0]:
        chain.tensor, chain.shape = tensor, shape
        chain.conv(f"{part}.skip", out[0])
        tensor = chain.tensor
    chain.push(make_operator(f"{part}.add", "add", (projected, tensor), out))


def _classifier(last: Operator, num_classes: int) -> Iterator[Operator]:
    pool = make_operator("classifier.pool", "mean", (last.name,), last.out_shape)
    yield pool
    form = Form(num_classes)
    linear = make_operator("classifier.linear", "linear", (pool.name,), pool.out_shape, form)
    yield linear._replace(bias=True)
