"""Zen-score: how much the features of a network with Gaussian weights move
with its Gaussian input.
"""

import torch
from torch import Tensor, nn

from lmanet.train.zero_cost.proxy import features, noise_like, weighted_layers

REPEATS = 4
IMAGES = 16  # as in the paper
STEP = 0.01


def zen(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """log E ||f(x) - f(x + 0.01 e)|| + sum over batch norms of log sqrt(mean variance of their
    channels); x, e and weights are N(0, 1).

    Lin et al., "Zen-NAS: a zero-shot NAS for high-performance image recognition", ICCV 2021,
    algorithm 1: f are the features before the pooling, the second term gives back what batch norm
    divides by. Mean over four draws of weights and images, the paper's are 32. Skips stay in, which
    the paper takes out.
    """
    with torch.no_grad():
        return float(torch.stack([_draw(network, images) for _ in range(REPEATS)]).mean())


def _draw(network: nn.Sequential, images: Tensor) -> Tensor:
    for layer in weighted_layers(network):
        nn.init.normal_(layer.weight)
    logs: list[Tensor] = []

    def measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        logs.append(inputs[0].var((0, 2, 3), correction=0).mean().log() / 2)

    hooks = [
        module.register_forward_pre_hook(measure)
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    noise = noise_like(images[:IMAGES])
    still = features(network, noise)[-1]
    for hook in hooks:
        hook.remove()
    moved = features(network, noise + STEP * noise_like(noise))[-1]
    return sum(logs, (still - moved).flatten(1).norm(dim=1).mean().log())
