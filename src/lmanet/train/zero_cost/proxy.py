"""Proxy: the one shape of all zero-cost proxies, and what several of them need."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from lmanet.network.build import Network


class Proxy(Protocol):
    """Says of a network with freshly drawn weights how good it may become; more is better."""

    def __call__(self, network: Network, images: Tensor, labels: Tensor) -> float:
        """One number, by torch's global random numbers where it draws any.

        Args:
            network: its own to change, in training mode.
            images: (N, 3, R, R), normalised, of the network's resolution.
            labels: int64 (N,).
        """


def features(network: nn.Sequential, images: Tensor) -> list[Tensor]:
    """What each block gives, the classifier left out: (N, C, H, W) each."""
    outputs = []
    for block in list(network)[:-1]:
        images = block(images)
        outputs.append(images)
    return outputs


def weighted_layers(network: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers."""
    return (module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear))


def noise_like(images: Tensor) -> Tensor:
    """Gaussian images, for proxies that look at no data."""
    return torch.randn_like(images)
