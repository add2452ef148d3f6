"""The integer graph: operators of a network with their int8 constants and the scale of every
tensor, as TFLite defines them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmanet.network import Operator
from lmanet.network.int8 import FUSED, SIGMOID, Scale, tensor_before_table
from lmanet.run.results import FirmwareThresholds

__all__ = ["SIGMOID", "Filter", "IntegerGraph", "Scale"]


@dataclass(frozen=True, eq=False)
class Filter:
    """The constants of a convolution or linear layer, batch norm folded in.

    Attributes:
        weights: int8, -127 to 127, (out, in, height, width); depthwise (channels, 1, height,
            width); linear (out, in, 1, 1).
        scales: float32 (out,), of each output channel; all equal for a linear layer.
        bias: int32 (out,), in units of input scale times ``scales``.
    """

    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class IntegerGraph:
    """A whole network in integers.

    Every result saturates to int8, and no clamp is tighter than that: where a convolution has ReLU
    or ReLU6 its scale starts at zero, so that saturation is the activation. An operator whose
    activation is a table has two tensors: its own name is the result, and `tensor_before_table`
    names what the table reads.

    Attributes:
        operators: in the order of execution; the last makes the logits.
        scales: tensor -> its scale; ``input`` is the image.
        filters: operator with weights -> its constants.
        labels: of the classes, in the order of the logits.
        mean, std: of each channel of the input, for pixels in 0..1: the network's real input is
            (pixel / 255 - mean) / std.
        thresholds: by which the C chooses a class; None takes that of the largest logit.
    """

    operators: tuple[Operator, ...]
    scales: Mapping[str, Scale]
    filters: Mapping[str, Filter]
    labels: tuple[str, ...]
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    thresholds: FirmwareThresholds | None = None

    def linear_scale(self, operator: Operator) -> Scale:
        """Scale of what an operator makes before its activation; that of its result where the
        activation is no table.
        """
        return self.scales[
            operator.name if operator.activation in FUSED else tensor_before_table(operator)
        ]
