"""Proxies from the graph alone: parameters, MACs, depth."""

from torch import Tensor

from lmanet.cost import estimate
from lmanet.network.build import Network
from lmanet.network.graph import operators


def params(network: Network, images: Tensor, labels: Tensor) -> float:
    """Trainable parameters."""
    return float(estimate(network.architecture, network.num_classes).params)


def macs(network: Network, images: Tensor, labels: Tensor) -> float:
    """Multiply-accumulates of one image."""
    return float(estimate(network.architecture, network.num_classes).macs)


def depth(network: Network, images: Tensor, labels: Tensor) -> float:
    """Convolutions and linear layers on the longest way from the image to the logits,
    squeeze-and-excitation's included.
    """
    reached = {"input": 0}
    for operator in operators(network.architecture, network.num_classes):
        reached[operator.name] = max(reached[name] for name in operator.inputs) + (
            operator.weights > 0
        )
    return float(max(reached.values()))
