"""Where a network looks: Grad-CAM by Captum (Selvaraju et al. 2017, arXiv 1610.02391)."""

from captum.attr import LayerGradCam
from torch import Tensor

from lmanet.explain.examine.subject import parts
from lmanet.network.build import Block, Network

LEAST_MAP = 4  # pixels a side; a map of 1x1 or 2x2 says next to nothing of where


def layer_to_read(network: Network) -> Block:
    """The last part before the classifier whose map has at least 4 pixels a side, of an oblong one
    the longer; the first part where none has.

    Of a part it is the result that is read: that of its last convolution, with what a skip
    connection adds.
    """
    known = parts(network)[:-1]
    # of a signal, whose maps have one row, the longer side counts
    large = [part for part in known if max(part.graph[-1].out_shape[1:]) >= LEAST_MAP]
    return (large or known[:1])[-1]


def grad_cam(network: Network, images: Tensor, classes: Tensor) -> Tensor:
    """Maps (N, h, w) of what speaks for ``classes`` (N,), at the size of the layer; nothing below
    0.
    """
    maps: Tensor = LayerGradCam(network, layer_to_read(network)).attribute(
        images, classes, relu_attributions=True
    )
    return maps.detach()[:, 0]


def map_cells(network: Network) -> int:
    """Pixels of a map."""
    _, height, width = layer_to_read(network).graph[-1].out_shape
    return height * width
