"""Depthwise convolutions whose gradient a CPU computes slowly in bfloat16 stay in float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn


@contextmanager
def slow_ones_in_float32(network: nn.Module) -> Iterator[None]:
    """Under autocast, compute the depthwise convolutions with a stride, or larger than 3x3, in
    float32.

    oneDNN has no fast gradient of them in bfloat16: at stride 2 it takes many times as long as in
    float32. See docs/results.md, "Where a step's time goes".
    """
    slow = [
        module for module in network.modules() if isinstance(module, nn.Conv2d) and _is_slow(module)
    ]
    for module in slow:
        vars(module)["forward"] = partial(_in_float32, module)
    try:
        yield
    finally:
        for module in slow:
            del vars(module)["forward"]


def _is_slow(module: nn.Conv2d) -> bool:
    is_depthwise = module.groups == module.in_channels > 1
    return is_depthwise and (max(module.stride) > 1 or max(module.kernel_size) > 3)


def _in_float32(module: nn.Conv2d, images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, enabled=False):
        result: Tensor = type(module).forward(module, images.float())
    return result.to(images.dtype)
