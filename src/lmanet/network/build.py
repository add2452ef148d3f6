"""Operators -> torch network: one module for each part of the graph."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from torch import Tensor, nn

from lmanet.network.architecture import Architecture, require_network
from lmanet.network.graph import INPUT, Operator, operators
from lmanet.network.operators import kind_of

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "swish": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
}


class Block(nn.Module):
    """The operators of one part of a network, such as one repetition of a stage.

    Its layers bear the operators' roles: ``expand``, ``depthwise``, ``project``, ``skip``,
    ``se_reduce`` and so on.
    """

    def __init__(self, graph: Sequence[Operator], source: str, dropout: float) -> None:
        super().__init__()
        self.graph = tuple(graph)
        self.source = source
        for operator in graph:
            if operator.filter_shape:
                self.add_module(operator.role, _layer(operator, dropout))

    def forward(self, images: Tensor) -> Tensor:
        tensors = {self.source: images}
        for operator in self.graph:
            inputs = [tensors[name] for name in operator.inputs]
            tensors[operator.name] = self._run(operator, inputs)
        return tensors[self.graph[-1].name]

    def _run(self, operator: Operator, inputs: list[Tensor]) -> Tensor:
        compute = kind_of(operator).compute
        result: Tensor = (
            compute(inputs) if compute else self.get_submodule(operator.role)(inputs[0])
        )
        return result


class Network(nn.Sequential):
    """A network as a sequence of blocks named by stage and repetition, the classifier last.

    Takes normalised images (N, channels, height, width) as ``architecture.input_shape`` says; gives
    logits (N, num_classes).
    """

    def __init__(self, architecture: Architecture, num_classes: int, dropout: float = 0.0) -> None:
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        source = INPUT
        for part, group in groupby(
            operators(architecture, num_classes), key=lambda operator: operator.part
        ):
            graph = list(group)
            blocks[module_name(part)] = Block(graph, source, dropout)
            source = graph[-1].name
        super().__init__(blocks)
        self.architecture = architecture
        self.num_classes = num_classes


def module_name(part: str) -> str:
    """Of the block of one part: ``stage1.0`` -> ``stage1_0``, as a module's name has no dot."""
    return part.replace(".", "_")


def build(architecture: Architecture, num_classes: int, dropout: float = 0.0) -> Network:
    """Build the network of an architecture with freshly drawn weights.

    Args:
        architecture: any architecture, in a space or not.
        num_classes: width of the classifier.
        dropout: probability of dropout before the linear layer.

    Raises:
        ArchitectureError: it is no architecture, or the number of classes is not at least 1.
    """
    require_network(architecture, num_classes)
    network = Network(architecture, num_classes, dropout)
    draw_weights(network)
    return network


def draw_weights(network: Network) -> None:
    """Weights of convolutions anew, as for ReLU (He et al. 2015); those of the classifier stay as
    torch draws them.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@contextmanager
def heard(network: nn.Module) -> Iterator[list[Tensor]]:
    """The logits (N, classes) that a network gives for each batch, while something else measures
    it.
    """
    logits: list[Tensor] = []
    hook = network.register_forward_hook(
        lambda module, inputs, given: logits.append(given.detach().float().cpu())
    )
    try:
        yield logits
    finally:
        hook.remove()


@contextmanager
def watched(network: nn.Module) -> Iterator[list[Tensor]]:
    """The classes (N,) that a network predicts for each batch; complete when it ends."""
    predicted: list[Tensor] = []
    with heard(network) as logits:
        yield predicted
        predicted += [each.argmax(1) for each in logits]


def _layer(operator: Operator, dropout: float) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if kind_of(operator).layer == "Linear":
        layers["flatten"] = nn.Flatten()
        layers["dropout"] = nn.Dropout(dropout)
        layers["linear"] = nn.Linear(operator.in_shape[0], operator.out_shape[0])
        return nn.Sequential(layers)
    down, across = operator.sides
    even = all(before == after for before, after in (down.padding, across.padding))
    if not even:
        layers["pad"] = nn.ZeroPad2d((*across.padding, *down.padding))
    layers["conv"] = nn.Conv2d(
        operator.in_shape[0],
        operator.out_shape[0],
        (down.kernel, across.kernel),
        (down.stride, across.stride),
        padding=(down.padding[0], across.padding[0]) if even else 0,
        groups=operator.groups,
        bias=operator.bias,
    )
    if operator.norm:
        layers["norm"] = nn.BatchNorm2d(operator.out_shape[0])
    if operator.activation != "none":
        layers["activation"] = ACTIVATIONS[operator.activation]()
    return nn.Sequential(layers)
