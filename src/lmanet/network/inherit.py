"""Weights of a network for another that is an edit of it, so that its training need not begin from
nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lmanet.network.architecture import Stage
from lmanet.network.build import Block, Network
from lmanet.network.operators import kind_of


def inherit(network: Network, parent: Network) -> float:
    """Overwrite freshly drawn weights by the parent's wherever their shapes overlap.

    Channels are cut, or added with no effect on those that were there; kernels are cut or framed
    by zeros around their centre. A block that the parent has not starts as the identity where its
    skip connection allows. So an edit starts from nearly what its parent computes, as in network
    morphisms (Elsken et al. 2019, arXiv:1804.09081).

    Returns:
        The share of the network's weights that are the parent's, 0 to 1.
    """
    origins = _origins(network.architecture.stages, parent.architecture.stages)
    blocks = dict(parent.named_children())
    taken = 0
    with torch.no_grad():
        for name, block in network.named_children():
            source = blocks.get(_parent_name(name, origins))
            if isinstance(source, Block):
                taken += _copy(block, source)
            elif isinstance(block, Block):
                _start_as_identity(block)
    return taken / sum(weights.numel() for weights in network.parameters())


def _origins(stages: Sequence[Stage], before: Sequence[Stage]) -> list[int | None]:
    """For each stage the parent's stage that it was, by index; None where it is new.

    Equal stages at both ends are the same ones; those between are taken in turn.
    """
    shortest = min(len(stages), len(before))
    pairs = list(zip(stages, before, strict=False))
    head = next((i for i, (new, old) in enumerate(pairs) if new != old), shortest)
    backwards = list(zip(reversed(stages[head:]), reversed(before[head:]), strict=False))
    tail = next((i for i, (new, old) in enumerate(backwards) if new != old), len(backwards))
    changed = len(before) - head - tail
    between = [head + i if i < changed else None for i in range(len(stages) - head - tail)]
    return [*range(head), *between, *range(len(before) - tail, len(before))]


def _parent_name(name: str, origins: Sequence[int | None]) -> str:
    """Module of the parent for a module such as ``stage2_0``; ``stem``,
    ``head`` keep their names.
    """
    part, _, layer = name.partition("_")
    if not layer:
        return name
    origin = origins[int(part.removeprefix("stage")) - 1]
    return "" if origin is None else f"stage{origin + 1}_{layer}"


def _copy(block: nn.Module, source: Block) -> int:
    """Take over what overlaps; the number of parameters that are the parent's."""
    own, given = block.state_dict(), source.state_dict()
    parameters = {name for name, _ in block.named_parameters()}
    taken = 0
    for name in own.keys() & given.keys():
        overlapping = _overlap(own[name], given[name])
        taken += overlapping if name in parameters else 0
    return taken


def _overlap(new: Tensor, old: Tensor) -> int:
    """Write the old values into the new tensor where it has them; the number written."""
    if new.ndim == 0:
        new.copy_(old)
        return 1
    common = [slice(min(sizes)) for sizes in zip(new.shape[:2], old.shape[:2], strict=True)]
    target, given = new[tuple(common)], old[tuple(common)]
    if new.ndim >= 2:
        new[common[0], common[1].stop :] = 0  # new channels do not disturb what was there
    if new.ndim == 4 and new.shape[2:] != old.shape[2:]:
        target.zero_()
        down, across = map(_middle, new.shape[2:], old.shape[2:])
        target = target[..., down, across]
        down, across = map(_middle, old.shape[2:], new.shape[2:])
        given = given[..., down, across]
    target.copy_(given)
    return target.numel()


def _middle(size: int, other: int) -> slice:
    """As much of a window's side as another has, in the middle."""
    margin = max(size - other, 0) // 2
    return slice(margin, size - margin)


def _start_as_identity(block: Block) -> None:
    """Silence what a block adds to its input; one that changes it anyway stays as drawn."""
    add = block.graph[-1]
    if kind_of(add).fused_as != "sum" or block.source not in add.inputs:
        return
    norm = block.get_submodule(f"{add.inputs[0].rpartition('.')[2]}.norm")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.zeros_(norm.weight)
