"""How a network is computed: memory format, precision and compilation; it changes the speed, and
the last digits of the result.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from lmanet.errors import ConfigError
from lmanet.train.compute.depthwise import slow_ones_in_float32

PRECISIONS = ("32-true", "bf16-mixed")
COMPILE = ("none", "default", "reduce-overhead")
Forward = Callable[[Tensor], Tensor]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Kernels:
    """One way of computing a training step; as a `KernelChoice` the one that is forced.

    Attributes:
        channels_last: memory format of images and weights: NHWC; False is NCHW.
        precision: of Lightning's trainer: ``32-true``, which on CUDA lets TF32 multiply, or
            ``bf16-mixed``.
        compile: mode of torch.compile: ``none``, ``default`` or ``reduce-overhead``, which on CUDA
            replays CUDA graphs.
    """

    channels_last: bool = True
    precision: str = "32-true"
    compile: str = "none"

    def __post_init__(self) -> None:
        for name, legal in (("precision", PRECISIONS), ("compile", COMPILE)):
            if getattr(self, name) not in legal:
                raise ConfigError(
                    f"kernels: {name}={getattr(self, name)}; legal are {', '.join(legal)} (the "
                    "recipe's kernels in conf/)"
                )

    def __str__(self) -> str:
        layout = "channels_last" if self.channels_last else "contiguous"
        return f"{layout},{self.precision},{self.compile}"

    @property
    def memory_format(self) -> torch.memory_format:
        """Of images and weights."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def choose(
        self, network: nn.Module, shape: Shape, device: torch.device, steps_planned: int
    ) -> "Kernels":
        """These, whatever the network."""
        return self


class KernelChoice(Protocol):
    """Says how a network is to be computed."""

    def choose(
        self, network: nn.Module, shape: Shape, device: torch.device, steps_planned: int
    ) -> Kernels:
        """Choose, and leave network and random numbers as they are.

        Args:
            network: that will be trained, on any device.
            shape: (N, 3, H, W) of the batch that it reads.
            steps_planned: over which what compilation costs is to be earned back.
        """


@contextmanager
def applied(kernels: Kernels, network: nn.Module, device: torch.device) -> Iterator[Forward]:
    """Bring a network to its kernels' memory format, and give the function to call in its training
    steps.

    The network itself stays uncompiled, for validation, whose batches and mode would each be
    compiled anew. What was compiled is forgotten at the end, so that a process may train any number
    of networks.
    """
    network.to(memory_format=kernels.memory_format)
    rounds_on_cpu = device.type == "cpu" and kernels.precision == "bf16-mixed"
    with _tensor_cores(device), slow_ones_in_float32(network) if rounds_on_cpu else nullcontext():
        if kernels.compile == "none":
            yield network.__call__
            return
        try:
            compiled: Forward = torch.compile(network, mode=kernels.compile, dynamic=False)
            yield lambda images: compiled(images)
        finally:
            torch._dynamo.reset()


@contextmanager
def _tensor_cores(device: torch.device) -> Iterator[None]:
    """On CUDA: TF32 in convolutions and products, and cuDNN's own trial of algorithms; as before at
    the end.
    """
    if device.type != "cuda":
        yield
        return
    before = (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
    )
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = True, True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]
