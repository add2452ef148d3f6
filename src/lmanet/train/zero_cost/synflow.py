"""Synaptic flow: how much of a signal the weights let through, all of them positive."""

import math

import torch
from torch import Tensor, nn

from lmanet.train.zero_cost.proxy import weighted_layers

# Squeeze-and-excitation's sigmoid stays: without it the product of feature and gate would be no
# longer linear in the feature.
LEFT_OUT = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.Hardswish, nn.Dropout)


def synflow(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Natural logarithm of the sum over all weights w of |w| dR/d|w|, R being the sum of logits for
    an image of ones.

    Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic
    flow", NeurIPS 2020, eq. 2; as a proxy summed over the network: Abdelfattah et al., "Zero-cost
    proxies for lightweight NAS", ICLR 2021. Weights are made positive, batch norm is left out as in
    the latter. Activations are, too: between positive weights a ReLU does nothing, and the others
    would bound the flow. In float64, for a product over a hundred layers leaves float32.
    """
    _leave_out(network)
    network.double()
    weights = [layer.weight for layer in weighted_layers(network)]
    with torch.no_grad():
        for weight in weights:
            weight.abs_()
    flow = network(torch.ones_like(images[:1], dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(flow, weights)
    total = sum(
        float((weight.detach() * gradient).sum())
        for weight, gradient in zip(weights, gradients, strict=True)
    )
    return math.log(total) if total else -math.inf


def _leave_out(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, LEFT_OUT):
                setattr(module, name, nn.Identity())
