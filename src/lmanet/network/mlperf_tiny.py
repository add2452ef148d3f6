"""The four reference networks of MLPerf Tiny, as operators: what a runtime takes for them does not
depend on their weights.

Shapes as in github.com/mlcommons/tiny, benchmark/training, of version 1.1: batch norm is folded
into a bias, and the final softmax is left out, as a class follows from logits alone.
"""

from collections.abc import Callable

from lmanet.errors import ConfigError
from lmanet.network.graph import pad_same
from lmanet.network.operators import INPUT, Form, Operator, Shape, Side, make_operator

Sides = tuple[int, int]
# Output channels and stride of each pair of a depthwise and a 1x1 convolution (Howard et al. 2017).
MOBILENET = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2)]
MOBILENET += [(256, 1)]
AUTOENCODER = (128, 128, 128, 128, 8, 128, 128, 128, 128)


class _Graph:
    """Operators so far, with the tensor that the next one reads."""

    def __init__(self, shape: Shape) -> None:
        self.operators: list[Operator] = []
        self.tensor, self.shape = INPUT, shape

    def push(self, made: Operator) -> None:
        self.operators.append(made)
        self.tensor, self.shape = made.name, made.out_shape

    def slide(self, name: str, kind: str, channels: int, window: tuple[Sides, int]) -> None:
        """A window (kernel in height and width, stride) with TensorFlow's padding and ReLU."""
        kernels, stride = window
        down, across = (
            Side(kernel, stride, pad_same(size, kernel, stride))
            for size, kernel in zip(self.shape[1:], kernels, strict=True)
        )
        form = Form(channels, *down, across)
        made = make_operator(name, kind, (self.tensor,), self.shape, form)
        self.push(made._replace(activation="relu", bias=True))

    def linear(self, name: str, outputs: int, activation: str = "none") -> None:
        made = make_operator(name, "linear", (self.tensor,), self.shape, Form(outputs))
        self.push(made._replace(activation=activation, bias=True))

    def classify(self, classes: int) -> tuple[Operator, ...]:
        self.push(make_operator("classifier.pool", "mean", (self.tensor,), self.shape))
        self.linear("classifier.linear", classes)
        return tuple(self.operators)

    def separable(self, part: str, channels: int, stride: int) -> None:
        """A depthwise convolution and one of a pixel, each with ReLU."""
        self.slide(f"{part}.depthwise", "depthwise", self.shape[0], ((3, 3), stride))
        self.slide(f"{part}.project", "conv", channels, ((1, 1), 1))


def resnet8() -> tuple[Operator, ...]:
    """Image classification: 32 x 32 of 3 channels, 10 classes."""
    graph = _Graph((3, 32, 32))
    graph.slide("stem.conv", "conv", 16, ((3, 3), 1))
    for number, (channels, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
        part, tensor, shape = f"stage{number}.0", graph.tensor, graph.shape
        graph.slide(f"{part}.first", "conv", channels, ((3, 3), stride))
        graph.slide(f"{part}.second", "conv", channels, ((3, 3), 1))
        graph.operators[-1] = graph.operators[-1]._replace(activation="none")
        made, out = graph.tensor, graph.shape
        if stride > 1:
            graph.tensor, graph.shape = tensor, shape
            graph.slide(f"{part}.skip", "conv", channels, ((1, 1), stride))
            graph.operators[-1] = graph.operators[-1]._replace(activation="none")
            tensor = graph.tensor
        add = make_operator(f"{part}.add", "add", (made, tensor), out)
        graph.push(add._replace(activation="relu"))
    return graph.classify(10)


def mobilenet_v1() -> tuple[Operator, ...]:
    """Visual wake words: MobileNetV1, width 0.25, 96 x 96 of 3 channels, 2 classes."""
    graph = _Graph((3, 96, 96))
    graph.slide("stem.conv", "conv", 8, ((3, 3), 2))
    for number, (channels, stride) in enumerate(MOBILENET, start=1):
        graph.separable(f"stage{number}.0", channels, stride)
    return graph.classify(2)


def ds_cnn() -> tuple[Operator, ...]:
    """Keyword spotting: 49 windows of 10 cepstra, 12 classes."""
    graph = _Graph((1, 49, 10))
    graph.slide("stem.conv", "conv", 64, ((10, 4), 2))
    for number in range(1, 5):
        graph.separable(f"stage{number}.0", 64, 1)
    return graph.classify(12)


def autoencoder() -> tuple[Operator, ...]:
    """Anomaly detection: 640 values to 640 values through 8."""
    graph = _Graph((640, 1, 1))
    for number, outputs in enumerate(AUTOENCODER, start=1):
        graph.linear(f"stage{number}.linear", outputs, "relu")
    graph.linear("classifier.linear", 640)
    return tuple(graph.operators)


REFERENCES: dict[str, Callable[[], tuple[Operator, ...]]] = {
    "resnet8": resnet8,
    "mobilenet_v1": mobilenet_v1,
    "ds_cnn": ds_cnn,
    "autoencoder": autoencoder,
}


def reference(name: str) -> tuple[Operator, ...]:
    """The operators of one of `REFERENCES`, in the order in which a runtime executes them.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in REFERENCES:
        raise ConfigError(
            f"{name!r} is no reference network of MLPerf Tiny; choose one of "
            f"{', '.join(REFERENCES)} (lmanet.network.mlperf_tiny)"
        )
    return REFERENCES[name]()
