"""What each block contributes: the network without it, all other weights and the statistics of
batch norm as they are.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from lmanet.explain.examine.interval import mean_interval
from lmanet.explain.examine.subject import Subject, parts
from lmanet.network.build import Block, Network
from lmanet.run.results import SkippedBlock


def skip_blocks(subject: Subject, most: int) -> tuple[SkippedBlock, ...]:
    """Accuracy without each repetition of each stage, on at most ``most`` validation images, the
    same for all.

    Stem, head and classifier are no blocks: they make the features that blocks refine, or read
    them, and nothing can stand in for that.
    """
    numbers = subject.spread(most)
    labels = subject.labels[numbers]
    whole = (subject.predicted[numbers] == labels).double()
    predicted: dict[str, list[Tensor]] = {}
    with torch.inference_mode():
        for images in subject.chosen(numbers):
            for part, logits in _without_each(subject.network, images):
                predicted.setdefault(part, []).append(logits.argmax(dim=1))
    return tuple(
        _contribution(part, identity, whole, (torch.cat(predicted[part]) == labels).double())
        for part, identity in _blocks(subject.network)
    )


def stand_in(block: Block, images: Tensor) -> Tensor:
    """The input of a block in the shape of its output: as it is, or pooled, with channels cut or
    filled up with zeros.

    The shortcut without parameters of He et al. 2016 (arXiv 1512.03385, option A), pooled by the
    mean where theirs drops pixels.
    """
    down, across = (max(each.sides[axis].stride for each in block.graph) for axis in (0, 1))
    pooled = functional.avg_pool2d(images, (down, across), ceil_mode=True)
    missing = block.graph[-1].out_shape[0] - images.shape[1]  # a negative number cuts
    return functional.pad(pooled, (0, 0, 0, 0, 0, missing))


def _blocks(network: Network) -> Iterator[tuple[str, bool]]:
    """Blocks in their order, and whether each keeps the shape of its input."""
    for block in parts(network):
        if _is_stage(block):
            yield block.graph[0].part, block.graph[0].in_shape == block.graph[-1].out_shape


def _without_each(network: Network, images: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Logits without each block in turn; what lies before the block is computed once."""
    modules = parts(network)
    for place, module in enumerate(modules):
        if _is_stage(module):
            yield module.graph[0].part, _forward(modules[place + 1 :], stand_in(module, images))
        images = module(images)


def _forward(modules: Sequence[Block], images: Tensor) -> Tensor:
    for module in modules:
        images = module(images)
    return images


def _is_stage(block: Block) -> bool:
    return block.graph[0].part.startswith("stage")


def _contribution(part: str, identity: bool, whole: Tensor, without: Tensor) -> SkippedBlock:
    low, high = mean_interval((whole - without).cpu().numpy())
    return SkippedBlock(
        part=part,
        stand_in="identity" if identity else "pooled",
        val_accuracy=float(without.mean()),
        accuracy_loss=float((whole - without).mean()),
        low=low,
        high=high,
    )
