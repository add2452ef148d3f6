"""Quantisation-aware training: the float graph, rounded in every forward pass wherever the integer
graph rounds.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lmanet.deploy.int8.calibrate import Range
from lmanet.deploy.int8.fold import Folded
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.quantize import MOST_WEIGHT, quantize
from lmanet.network.operators import kind_of


class QatNetwork(nn.Module):
    """Trains the weights and the scales of an integer graph, as any other module from normalised
    images (N, 3, H, W) to logits.

    Rounding lets gradients through; a value that saturates passes its gradient to the scale instead
    (Esser et al., Learned Step Size Quantization, arXiv 1902.08153). Zero points stand still. Train
    at a low learning rate: batch norm is folded away.

    Args:
        folded: the float graph; its weights are trained in place.
        start: the integer graph that post-training quantisation made of it.
    """

    def __init__(self, folded: Folded, start: IntegerGraph) -> None:
        super().__init__()
        self.folded = folded
        self.start = start
        self._index = {name: index for index, name in enumerate(start.scales)}
        self._one_scale = {
            operator.name for operator in start.operators if not kind_of(operator).scale_per_channel
        }
        # Logarithms, so that a step of the optimiser changes large and small scales alike.
        self.stretch = nn.Parameter(torch.zeros(len(self._index)))

    @property
    def input_resolution(self) -> tuple[int, int]:
        """Height and width of the images, pixels: what trains it resizes
        them, as for any network.
        """
        return self.start.operators[0].in_shape[1:]

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.folded(images, self._round_tensor, self._round_weight)
        return logits

    def integer_graph(self) -> IntegerGraph:
        """Quantise the trained weights by the trained scales."""
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

    def _round_weight(self, name: str, weight: Tensor) -> Tensor:
        """Scales follow the largest weight: of each output channel, or of all in a linear layer."""
        largest = (
            weight.detach()
            .abs()
            .amax((0, 1, 2, 3) if name in self._one_scale else (1, 2, 3), keepdim=True)
        )
        scale = largest.clamp(min=torch.finfo(weight.dtype).tiny) / MOST_WEIGHT
        return weight + (torch.round(weight.detach() / scale) * scale - weight.detach())


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
