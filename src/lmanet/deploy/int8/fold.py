"""Trained network -> float graph: the same operators with batch norm folded into weights and
biases.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import DeployError
from lmanet.network import Operator
from lmanet.network.build import ACTIVATIONS, Network, module_name
from lmanet.network.graph import INPUT, operators
from lmanet.network.int8 import FUSED, tensor_before_table
from lmanet.network.operators import kind_of

Hook = Callable[[str, Tensor], Tensor]
Filter = tuple[Tensor, Tensor]  # weight and bias
Weigh = Callable[[Operator, Tensor, Tensor], Filter]


def _unchanged(name: str, tensor: Tensor) -> Tensor:
    return tensor


def _as_it_is(operator: Operator, weight: Tensor, bias: Tensor) -> Filter:
    return weight, bias


class Folded(nn.Module):
    """The operators of a network in float, each with one weight and one bias.

    Args:
        graph: in the order of execution; the last makes the logits.
        filters: operator with weights -> weight (out, in, height, width), depthwise (channels,
            1, height, width), linear (out, in, 1, 1), and bias (out,).
    """

    def __init__(self, graph: Sequence[Operator], filters: Mapping[str, Filter]) -> None:
        super().__init__()
        self.graph = tuple(graph)
        self.weights = nn.ParameterDict(
            {_key(name): nn.Parameter(weight) for name, (weight, _) in filters.items()}
        )
        self.biases = nn.ParameterDict(
            {_key(name): nn.Parameter(bias) for name, (_, bias) in filters.items()}
        )
        self._last_use = {
            name: index for index, operator in enumerate(graph) for name in operator.inputs
        }

    def forward(
        self,
        images: Tensor,
        observe: Hook = _unchanged,
        weigh: Weigh = _as_it_is,
    ) -> Tensor:
        """Normalised images (N, channels, height, width) -> logits (N, classes).

        Args:
            images: of the shape that the graph reads.
            observe: is handed every tensor that has a scale in the integer graph, and gives what
                the network goes on with.
            weigh: the same for weight and bias of each operator that has them.
        """
        tensors = {INPUT: observe(INPUT, images)}
        for index, operator in enumerate(self.graph):
            linear = self._linear(operator, [tensors[name] for name in operator.inputs], weigh)
            for name in {name for name in operator.inputs if self._last_use[name] == index}:
                del tensors[name]  # so that calibration holds no more than a runtime would
            tensors[operator.name] = observe(operator.name, activate(operator, linear, observe))
        return tensors[self.graph[-1].name].flatten(1)

    def constants(self, operator: Operator) -> Filter:
        """Weight and bias of an operator that has them."""
        return self.weights[_key(operator.name)], self.biases[_key(operator.name)]

    def _linear(
        self,
        operator: Operator,
        inputs: list[Tensor],
        weigh: Weigh,
    ) -> Tensor:
        if compute := kind_of(operator).compute:
            result: Tensor = compute(inputs)
            return result
        weight, bias = weigh(operator, *self.constants(operator))
        down, across = operator.sides
        images, padding = inputs[0], (down.padding[0], across.padding[0])
        if any(before != after for before, after in (down.padding, across.padding)):
            images, padding = functional.pad(images, (*across.padding, *down.padding)), (0, 0)
        strides = down.stride, across.stride
        return functional.conv2d(images, weight, bias, strides, padding, groups=operator.groups)


def activate(operator: Operator, linear: Tensor, observe: Hook = _unchanged) -> Tensor:
    """Apply the activation of an operator to what it made; a table reads a tensor that is observed
    on its own.
    """
    if operator.activation not in FUSED:
        linear = observe(tensor_before_table(operator), linear)
    return linear if operator.activation == "none" else ACTIVATIONS[operator.activation]()(linear)


def fold(network: Network) -> Folded:
    """Fold the batch norm statistics of a trained network into its weights, in double precision.

    With gain g, offset b, mean m and variance v of a channel: weight * g / sqrt(v + eps), (bias -
    m) * g / sqrt(v + eps) + b.

    Raises:
        DeployError: a weight, a bias or a statistic is not finite.
    """
    graph = operators(network.architecture, network.num_classes)
    return Folded(
        graph,
        {operator.name: _filter(network, operator) for operator in graph if operator.filter_shape},
    )


def _filter(network: Network, operator: Operator) -> Filter:
    layers = network.get_submodule(f"{module_name(operator.part)}.{operator.role}")
    state = {name: tensor.double() for name, tensor in layers.state_dict().items()}
    layer = "linear" if kind_of(operator).layer == "Linear" else "conv"
    assert operator.filter_shape, "only operators with weights are folded"
    weight = state[f"{layer}.weight"].reshape(operator.filter_shape)
    bias = state[f"{layer}.bias"] if operator.bias else weight.new_zeros(len(weight))
    if operator.norm:
        norm = layers.get_submodule("norm")
        assert isinstance(norm, nn.BatchNorm2d)
        gain = state["norm.weight"] / torch.sqrt(state["norm.running_var"] + norm.eps)
        weight, bias = (
            weight * gain[:, None, None, None],
            (bias - state["norm.running_mean"]) * gain + state["norm.bias"],
        )
    weight, bias = weight.float(), bias.float()
    for what, values in (("weight", weight), ("bias", bias)):
        if not values.isfinite().all():
            raise DeployError(
                f"{operator.name}: a {what} is not finite, batch norm included; train the network "
                "anew"
            )
    return weight, bias


def _key(name: str) -> str:
    return name.replace(".", "_")  # a parameter's name may hold no dot
