"""Images for people: what the network saw, and its Grad-CAM over it."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from captum.attr import LayerAttribution
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lmanet.explain.examine.saliency import grad_cam
from lmanet.explain.examine.subject import Subject
from lmanet.run.results import Saliency

LEAST_PIXELS = 160  # a side, of a picture
# even steps of lightness, which colour-blind people read as well
COLOURS = matplotlib.colormaps["viridis"]
OPACITY = 0.5  # of the map over the image


def choose(subject: Subject, most: int) -> tuple[list[int], list[int]]:
    """Numbers of validation images that the network has right and wrong, up to half of ``most``
    each, with no eye to their looks.

    Of each kind the first image of each true class in the order of the set, then the second of
    each, and so on.
    """
    hits = (subject.predicted == subject.labels).cpu().numpy()
    labels = subject.labels.cpu().numpy()
    return _first_of_each_class(labels, hits, most - most // 2), _first_of_each_class(
        labels, ~hits, most // 2
    )


def draw(subject: Subject, most: int, folder: Path, below: str) -> tuple[Saliency, ...]:
    """Write two PNGs for each chosen image to the folder ``below`` in a run's folder, and tell of
    them.
    """
    right, wrong = choose(subject, most)
    names = {
        number: f"{kind}-{place}"
        for kind, numbers in (("right", right), ("wrong", wrong))
        for place, number in enumerate(numbers)
    }
    numbers = sorted(names)
    images = torch.cat(list(subject.chosen(numbers)))
    maps = grad_cam(subject.network, images, subject.predicted[numbers])
    pairs = dict(zip(numbers, zip(images, maps, strict=True), strict=True))
    (folder / below).mkdir(parents=True, exist_ok=True)
    told = []
    for number, name in names.items():
        image, overlay = f"{below}/{name}.png", f"{below}/{name}-gradcam.png"
        pixels = shown(pairs[number][0], subject.mean, subject.std)
        Image.fromarray(pixels).save(folder / image)
        Image.fromarray(overlaid(pixels, pairs[number][1])).save(folder / overlay)
        classes = {
            "label": subject.classes[subject.labels[number]],
            "predicted": subject.classes[subject.predicted[number]],
        }
        told.append(
            Saliency(
                image=image,
                overlay=overlay,
                probability=float(subject.probabilities[number].max()),
                **classes,
            )
        )
    return tuple(told)


def shown(image: Tensor, mean: Sequence[float], std: Sequence[float]) -> NDArray[np.uint8]:
    """A normalised image (channels, H, W) as the network sees it, in colour: each pixel a square of
    pixels, so that none is invented. Channels that are no colours stand below each other in grey.
    """
    each = [torch.tensor(values, device=image.device).view(-1, 1, 1) for values in (mean, std)]
    values = ((image * each[1] + each[0]) * 255).round().clamp(0, 255).byte().cpu()
    if len(values) != 3 or 1 in values.shape[1:]:
        values = values.flatten(0, 1).expand(3, -1, -1)
    pixels = values.permute(1, 2, 0).numpy()
    scale = math.ceil(LEAST_PIXELS / max(pixels.shape[:2]))
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def overlaid(pixels: NDArray[np.uint8], saliency: Tensor) -> NDArray[np.uint8]:
    """A map (h, w), from 0 to its own maximum, in colours over an image."""
    fine = (
        LayerAttribution.interpolate(saliency[None, None], pixels.shape[:2], "bilinear")[0, 0]
        .cpu()
        .numpy()
    )
    colours = 255 * COLOURS(fine / max(fine.max(), np.finfo(np.float32).tiny))[..., :3]
    blend: NDArray[np.uint8] = (OPACITY * colours + (1 - OPACITY) * pixels).round().astype(np.uint8)
    return blend


def _first_of_each_class(
    labels: NDArray[np.int_], eligible: NDArray[np.bool_], most: int
) -> list[int]:
    places: dict[int, list[int]] = defaultdict(list)
    for number in eligible.nonzero()[0].tolist():
        places[int(labels[number])].append(number)
    ranked = sorted(
        (rank, label, number)
        for label, numbers in places.items()
        for rank, number in enumerate(numbers)
    )
    return [number for _, _, number in ranked[:most]]
