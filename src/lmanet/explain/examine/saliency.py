"""Where a network looks: Grad-CAM by Captum (Selvaraju et al. 2017, arXiv 1610.02391)."""

from captum.attr import LayerGradCam
from torch import Tensor

from lmanet.explain.examine.subject import parts
from lmanet.network.build import Block, Network

LEAST_MAP = 4  # pixels a side; a map of 1x1 or 2x2 says next to nothing of where


def layer_to_read(network: Network) -> Block:
    """The last part before the classifier whose map has at least 4x4 pixels; the first always has,
    from 8 pixels and a stride of 2 on.

    Of a part it is the result that is read: that of its last convolution, with what a skip
    connection adds.
    """
    return next(
        part for part in reversed(parts(network)[:-1]) if part.graph[-1].out_shape[1] >= LEAST_MAP
    )


def grad_cam(network: Network, images: Tensor, classes: Tensor) -> Tensor:
    """Maps (N, h, w) of what speaks for ``classes`` (N,), at the size of the layer; nothing below
    0.
    """
    maps: Tensor = LayerGradCam(network, layer_to_read(network)).attribute(
        images, classes, relu_attributions=True
    )
    return maps.detach()[:, 0]


def map_size(network: Network) -> int:
    """Pixels a side of the maps."""
    return layer_to_read(network).graph[-1].out_shape[1]
