"""Three proxies of AZ-NAS, which look at the features of the blocks: expressivity, progressivity,
trainability.

Lee and Ham, "AZ-NAS: assembling zero-cost proxies for network architecture search", CVPR 2024; the
fourth, complexity, is `size.macs`.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.train.zero_cost.proxy import features, noise_like


def expressivity(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Sum over blocks of the entropy (nats) of the shares that principal components have in the
    features' variance, for Gaussian images.
    """
    return sum(_entropies(network, images))


def progressivity(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Least gain of that entropy from a block to the next; 0 where there is one block."""
    return min(
        (after - before for before, after in pairwise(_entropies(network, images))), default=0.0
    )


def trainability(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Mean over blocks but the first of 2 - s - 1/s, s being the greatest singular value of what
    takes gradients back through the block.

    It is 0 at s = 1, where gradients neither vanish nor explode. That linear map, of channels to
    channels, is the mean of g_in g_out' over images and pixels, g_out being random signs and g_in
    their gradient before the block; at stride 2 the pixels of g_in that belong to one of g_out
    count as channels.
    """
    values = []
    inputs = noise_like(images)
    for number, block in enumerate(list(network)[:-1]):
        inputs.requires_grad_()
        outputs = block(inputs)
        if number:
            signs = torch.randint_like(outputs, 2) * 2 - 1
            values.append(_gain(signs, torch.autograd.grad(outputs, inputs, signs)[0]))
        inputs = outputs.detach()
    return sum(2 - gain - 1 / gain for gain in values) / max(len(values), 1)


def _entropies(network: nn.Sequential, images: Tensor) -> list[float]:
    with torch.no_grad():
        return [_entropy(each) for each in features(network, noise_like(images))]


def _entropy(feature: Tensor) -> float:
    """``feature``: (N, C, H, W); a pixel of an image is one sample of C values."""
    samples = feature.movedim(1, -1).flatten(0, 2)
    covariance = (samples - samples.mean(0)).T @ (samples - samples.mean(0))
    variances = torch.linalg.eigvalsh(covariance.double()).clamp(min=0)
    return float(torch.special.entr(variances / variances.sum()).sum())


def _gain(signs: Tensor, gradient: Tensor) -> float:
    """Greatest singular value; ``signs``: (N, C, H, W), ``gradient``: (N, c, s H, s W), the last
    pixels missing where that is odd.
    """
    height = signs.shape[2]
    stride = -(-gradient.shape[2] // height)
    missing = stride * height - gradient.shape[2]
    unshuffled = functional.pixel_unshuffle(
        functional.pad(gradient, (0, missing, 0, missing)), stride
    )
    matrix = torch.einsum("nihw,nohw->io", unshuffled, signs) / (len(signs) * height**2)
    return float(torch.linalg.matrix_norm(matrix, 2).clamp(min=1e-6))
