"""NASWOT: how well the linear regions of an untrained network tell images apart."""

import torch
from torch import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.Hardswish)
SMALLEST = 1e-6


def naswot(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Natural logarithm of the determinant of K, K_ij being the number of units whose code is the
    same for images i and j.

    Mellor et al., "Neural architecture search without training", ICML 2021, eq. 2. A unit's code is
    whether its activation's input is positive, for ReLU6, leaky ReLU and the swishes, too; a
    sigmoid gate has none. Eigenvalues below 1e-6 count as that, so that two images with one code
    are bad and not minus infinity.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # c c' + (1 - c)(1 - c)' from one product: with codes of +1 and -1 it is (s s' + units) / 2.
        signs = (inputs[0] > 0).flatten(1).float() * 2 - 1
        kernel.add_((signs @ signs.T + signs.shape[1]).double() / 2)

    for module in network.modules():
        if isinstance(module, ACTIVATIONS):
            module.register_forward_pre_hook(count)
    with torch.no_grad():
        network(images)
    return float(torch.linalg.eigvalsh(kernel).clamp(min=SMALLEST).log().sum())
