"""Batch norm's running averages, taken anew from training images before a network is validated."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from lmanet.steps import Batches


class NormAverages:
    """Takes the means and variances of all batch norms of a network anew, from the weights as they
    are now.

    In training they are exponential averages over the last steps. After few steps those still hold
    the first weights, and a network that has learned is validated with the statistics of one that
    had not. Weights are left as they are, and nothing that comes later in a training follows from
    the averages before, so that one which paused ends like one which did not.

    Args:
        batches: training images as they are in a validation; they are read again each time.
        images: at most so many are read, in whole batches, at least one; 0 leaves the averages of
            the training.
        prepare: brings the images of a batch to what the network takes.
    """

    def __init__(self, batches: Batches, images: int, prepare: Callable[[Tensor], Tensor]) -> None:
        self.batches = batches
        self.images = images
        self.prepare = prepare
        self.seconds = 0.0

    def update(self, network: nn.Module) -> None:
        """Give the network new averages; `seconds` counts the time. A network without batch norm
        reads no image.
        """
        if not self.images or not has_batch_norm(network):
            return
        start = time.monotonic()
        update_bn(self._prepared(), network)
        if (device := next(network.buffers()).device).type == "cuda":
            torch.cuda.synchronize(device)  # else the time would be counted as the validation's
        self.seconds += time.monotonic() - start

    def _prepared(self) -> Iterator[Tensor]:
        taken = 0
        for batch in self.batches:
            taken += len(batch.images)
            yield self.prepare(batch.images)
            if taken + len(batch.images) > self.images:
                return


def has_batch_norm(network: nn.Module) -> bool:
    """Whether a network keeps running averages."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
