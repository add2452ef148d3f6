"""ZiCo: how steady gradients are from batch to batch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError
from lmanet.train.zero_cost.proxy import weighted_layers

BATCHES = 4


def zico(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Sum over layers of log sum over their weights of E|g| / sqrt(Var|g|), g being gradients of
    the cross-entropy in four batches.

    Li et al., "ZiCo: zero-shot NAS via inverse coefficient of variation on gradients", ICLR 2023,
    eq. 13. Weights whose gradient is the same in all batches, as those of dead units, are left out.
    The paper has two batches; from so few a standard deviation is often near 0.

    Raises:
        ConfigError: fewer than two images a batch.
    """
    if len(images) < 2 * BATCHES:
        raise ConfigError(
            f"zico needs {2 * BATCHES} images, two for each of its batches, not {len(images)}; "
            "raise zero_cost.images in conf/train"
        )
    weights = [layer.weight for layer in weighted_layers(network)]
    batches = zip(images.chunk(BATCHES), labels.chunk(BATCHES), strict=True)
    gradients = [
        torch.autograd.grad(functional.cross_entropy(network(each), given), weights)
        for each, given in batches
    ]
    return sum(
        _steadiness(torch.stack(of_layer).abs()) for of_layer in zip(*gradients, strict=True)
    )


def _steadiness(sizes: Tensor) -> float:
    """``sizes``: (batches, ...) of |g|."""
    mean, std = sizes.mean(0), sizes.std(0, correction=0)
    ratios = (mean / std)[std > 0]
    return float(ratios.sum().log()) if len(ratios) else 0.0
