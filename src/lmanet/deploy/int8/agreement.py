"""How often the int8 network chooses the class that the float network chooses, and what is said
where that is seldom.
"""

import torch
from torch import Tensor, nn

from lmanet.base import Notice
from lmanet.deploy.int8.graph import Scale
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.run.host import HostNetwork

# Share of 1. An int8 network that lost no accuracy chooses otherwise on a few in a hundred images,
# whose two best classes are close. Of 256 images on which it agrees in truth on 95 %, it agrees on
# less than 90 % once in some three thousand times.
LEAST_AGREEMENT = 0.9
KIND = "int8_disagrees"
BATCH = 32


def agreement(network: nn.Module, int8: HostNetwork, images: Tensor, scale: Scale) -> float:
    """Share of the images on which both networks choose one class.

    Args:
        network: normalised images -> logits (N, classes).
        int8: the same in integers.
        images: normalised (N, 3, R, R), at least one.
        scale: of the integer network's input.
    """
    same = 0
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            chosen = torch.from_numpy(int8.run(to_int8(batch, scale)).argmax(axis=1))
            same += int((network(batch).argmax(1).cpu() == chosen).sum())
    return same / len(images)


def disagreement(share: float | None, images: int) -> tuple[Notice, ...]:
    """The notice that a poor agreement deserves.

    Args:
        share: as `agreement` gives it; None where it is not known.
        images: on which it was found.
    """
    if share is None or share >= LEAST_AGREEMENT:
        return ()
    text = (
        f"The int8 network chooses the class of the float network on {round(share * images)} of "
        f"{images} calibration images ({100 * share:.0f} %; {100 * LEAST_AGREEMENT:.0f} % or more "
        "is usual), so its accuracy is another one. Train longer or with more weight decay, since "
        "weights of very different size share a scale badly, or calibrate with more images."
    )
    return (Notice(kind=KIND, text=text),)
