"""Quantisation-aware training: the float graph, rounded in every forward pass wherever the integer
graph rounds.
"""

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from lmanet.deploy.int8.calibrate import Range
from lmanet.deploy.int8.fold import Filter, Folded
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.quantize import MOST_WEIGHT, quantize
from lmanet.network import Operator
from lmanet.network.int8 import FUSED, LEVELS, tensor_before_table
from lmanet.network.operators import kind_of

WHAT = ("weight", "bias")


class QatNetwork(nn.Module):
    """Trains the weights and the scales of an integer graph, as any other module from normalised
    images (N, 3, H, W) to logits.

    Rounding lets gradients through; a value that saturates passes its gradient to the scale instead
    (Esser et al., Learned Step Size Quantization, arXiv 1902.08153). Zero points stand still.

    Batch norm is folded away, so a layer may have weights of any magnitude, and nothing normalises
    any more. So what is trained is how far each weight moves in the unit of its filter: that of a
    fresh one, in which a learning rate is meant. Take an optimiser whose steps are bounded, such as
    Adam: without batch norm a plain gradient can overshoot, and did (docs/results.md).

    Args:
        folded: the float graph; `integer_graph` gives it the trained weights.
        start: the integer graph that post-training quantisation made of it.
    """

    def __init__(self, folded: Folded, start: IntegerGraph) -> None:
        super().__init__()
        self.folded = folded
        self.start = start
        self._index = {name: index for index, name in enumerate(start.scales)}
        folded.requires_grad_(False)
        self.moves = nn.ParameterDict()
        for operator in filter(attrgetter("filter_shape"), start.operators):
            for what, constant in zip(WHAT, folded.constants(operator), strict=True):
                self.moves[_key(operator, what)] = nn.Parameter(torch.zeros_like(constant))
            for what, unit in zip(WHAT, self._units(operator), strict=True):
                self.register_buffer(_key(operator, what), unit, persistent=False)
        # Logarithms, so that a step of the optimiser changes large and small scales alike.
        self.stretch = nn.Parameter(torch.zeros(len(self._index)))

    @property
    def input_resolution(self) -> tuple[int, int]:
        """Height and width of the images, pixels: what trains it resizes
        them, as for any network.
        """
        return self.start.operators[0].in_shape[1:]

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.folded(images, self._round_tensor, self._weigh)
        return logits

    def integer_graph(self) -> IntegerGraph:
        """Quantise the trained weights by the trained scales."""
        self._settle()
        factors = self.stretch.detach().double().exp().tolist()
        ranges = {}
        for (name, scale), factor in zip(self.start.scales.items(), factors, strict=True):
            ends = (integer - scale.zero_point for integer in (-128, 127))
            ranges[name] = Range(*(end * scale.scale * factor for end in ends))
        return quantize(self.folded, ranges, self.start.labels, self.start.mean, self.start.std)

    def _round_tensor(self, name: str, tensor: Tensor) -> Tensor:
        start = self.start.scales[name]
        scale = start.scale * self.stretch[self._index[name]].exp()
        rounded: Tensor = _Rounded.apply(tensor, scale, start.zero_point)
        return rounded

    def _settle(self) -> None:
        """The float graph has the trained weights, from which nothing has moved yet."""
        with torch.no_grad():
            for operator in filter(attrgetter("filter_shape"), self.start.operators):
                constants = self.folded.constants(operator)
                moved = self._moved(operator, *constants)
                for what, constant, value in zip(WHAT, constants, moved, strict=True):
                    constant.copy_(value)
                    self.moves[_key(operator, what)].zero_()

    def _units(self, operator: Operator) -> Filter:
        """Of the weights of each filter, and of biases."""
        weight, _ = self.folded.constants(operator)
        # fresh weights have a variance of 2 / taps (He et al., arXiv 1502.01852)
        fresh = (2 / weight[0].numel()) ** 0.5
        deviation = weight.detach().square().mean((1, 2, 3), keepdim=True).sqrt()
        before = operator.name if operator.activation in FUSED else tensor_before_table(operator)
        # normalised values rarely leave -4 to 4
        spread = LEVELS * self.start.scales[before].scale / 8
        return deviation / fresh, weight.new_tensor(spread)

    def _moved(self, operator: Operator, weight: Tensor, bias: Tensor) -> Filter:
        of_weight, of_bias = (
            self.moves[_key(operator, what)] * getattr(self, _key(operator, what)) for what in WHAT
        )
        return weight + of_weight, bias + of_bias

    def _weigh(self, operator: Operator, weight: Tensor, bias: Tensor) -> Filter:
        """Scales follow the largest weight: of each output channel, or of all in a linear layer."""
        weight, bias = self._moved(operator, weight, bias)
        exact = weight.detach()
        per_channel = kind_of(operator).scale_per_channel
        largest = exact.abs().amax((1, 2, 3) if per_channel else (0, 1, 2, 3), keepdim=True)
        scale = largest.clamp(min=torch.finfo(weight.dtype).tiny) / MOST_WEIGHT
        return weight + (torch.round(exact / scale) * scale - exact), bias


class _Rounded(torch.autograd.Function):
    """An int8 tensor in real numbers, with gradients for the real tensor and the scale."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, scale: Tensor, zero_point: int) -> Tensor:
        ctx.save_for_backward(tensor, scale)
        ctx.ends = (-128 - zero_point, 127 - zero_point)
        return torch.round(tensor.float() / scale).clamp(*ctx.ends) * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        tensor, scale = ctx.saved_tensors
        low, high = ctx.ends
        steps = tensor.float() / scale
        inside = (steps >= low) & (steps <= high)
        slope = torch.round(steps).clamp(low, high) - steps * inside
        return gradients[0] * inside, (gradients[0] * slope).sum(), None


def _key(operator: Operator, what: str) -> str:
    return f"{what}_of_{operator.name.replace('.', '_')}"
