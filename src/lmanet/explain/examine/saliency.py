"""Where a network looks: Grad-CAM by Captum (Selvaraju et al. 2017, arXiv 1610.02391)."""

from captum.attr import LayerGradCam
from torch import Tensor

from lmanet.explain.examine.subject import parts
from lmanet.network.build import Block, Network

LEAST_MAP = 4  # pixels a side; a map of 1x1 or 2x2 says next to nothing of where


def layer_to_read(network: Network) -> Block:
    """The last part before the classifier whose map has at least 4 pixels along its longer side, or
    the first part where no map has.

    Of a part it is the result that is read: that of its last convolution, with what a skip
    connection adds.
    """
    before = parts(network)[:-1]
    large = (part for part in reversed(before) if max(part.graph[-1].out_shape[1:]) >= LEAST_MAP)
    return next(large, before[0])


def grad_cam(network: Network, images: Tensor, classes: Tensor) -> Tensor:
    """Maps (N, h, w) of what speaks for ``classes`` (N,), at the size of the layer; nothing below
    0.
    """
    maps: Tensor = LayerGradCam(network, layer_to_read(network)).attribute(
        images, classes, relu_attributions=True
    )
    return maps.detach()[:, 0]


def map_size(network: Network) -> tuple[int, int]:
    """Height and width of the maps, pixels."""
    return layer_to_read(network).graph[-1].out_shape[1:]
