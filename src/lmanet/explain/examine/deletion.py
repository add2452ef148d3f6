"""Whether the maps mean anything: the deletion curve (RISE, Petsiuk et al. 2018, arXiv 1806.07421)
against random order.
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from torch import Tensor
from torch.nn import functional

from lmanet.explain.examine.interval import mean_interval
from lmanet.explain.examine.saliency import grad_cam, map_size
from lmanet.explain.examine.subject import Subject
from lmanet.network.build import Network
from lmanet.run.results import Deletion

STEPS = 8  # into which a curve is cut, or as many as there are cells
DRAWS = 3  # random orders of each image


def deletion_curve(subject: Subject, most: int, seed: int) -> Deletion:
    """The probability of the predicted class as cells of the map's size are deleted, over at most
    ``most`` validation images.

    Args:
        seed: of the random orders, and of the order of cells that are equally salient.
    """
    numbers, rng = subject.spread(most), np.random.default_rng(seed)
    cells = prod(map_size(subject.network))
    counts = np.unique(np.linspace(0, cells, STEPS + 1).round().astype(int))
    left, found = subject.predicted[numbers], []
    for images in subject.chosen(numbers):
        classes, left = left[: len(images)], left[len(images) :]
        found.append(_curves(subject.network, images, classes, counts, rng))
    gradcam, random = np.concatenate(found, axis=1)
    differences = trapezoid(random - gradcam, counts / cells, axis=1)
    low, high = mean_interval(differences)
    return Deletion(
        images=len(numbers),
        shares=tuple((counts / cells).tolist()),
        gradcam=tuple(gradcam.mean(axis=0).tolist()),
        random=tuple(random.mean(axis=0).tolist()),
        draws=DRAWS,
        area_difference=float(differences.mean()),
        low=low,
        high=high,
    )


def deleted(images: Tensor, cells: Tensor) -> Tensor:
    """Normalised images with the cells (N, h, w) that are True set to the mean colour, which is 0.

    So does RISE, and so does the network's own padding. A blur would leave in place what images as
    small as these show.
    """
    mask = functional.interpolate(cells[:, None].float(), images.shape[-2:], mode="nearest")
    return images * (1 - mask)


def _curves(
    network: Network,
    images: Tensor,
    classes: Tensor,
    counts: NDArray[np.int_],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Probability of ``classes`` (2, N, counts): in the order of Grad-CAM, and the mean over random
    orders.
    """
    maps = grad_cam(network, images, classes).cpu().numpy()
    by_chance = [
        _curve(network, images, classes, _ranks(np.zeros_like(maps), rng), counts)
        for _ in range(DRAWS)
    ]
    return np.stack(
        [_curve(network, images, classes, _ranks(maps, rng), counts), np.mean(by_chance, axis=0)]
    )


def _ranks(maps: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int_]:
    """When each cell is deleted, 0 the first: the most salient first, the equally salient in random
    order, not row by row.
    """
    flat = maps.reshape(len(maps), -1)
    order = np.lexsort((rng.random(flat.shape), -flat))  # the last key counts first
    return order.argsort(axis=1).reshape(maps.shape)


@torch.inference_mode()
def _curve(
    network: Network,
    images: Tensor,
    classes: Tensor,
    ranks: NDArray[np.int_],
    counts: NDArray[np.int_],
) -> NDArray[np.float64]:
    """Probability of ``classes`` (N, counts) with so many cells deleted."""
    places = torch.as_tensor(ranks, device=images.device)
    probabilities = [
        network(deleted(images, places < int(count)))
        .softmax(dim=1)
        .gather(1, classes[:, None])[:, 0]
        for count in counts
    ]
    return torch.stack(probabilities, dim=1).double().cpu().numpy()
