"""The generated C as a torch module, so that whatever measures a float network measures the deployed one."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmanet.deploy.graph import IntegerGraph, Scale
from lmanet.deploy.host import HostNetwork
from lmanet.deploy.program import write_program
from lmanet.deploy.toolchain import Toolchain
from lmanet.space.graph import INPUT
from lmanet.space.images import resize


class Int8Network(nn.Module):
    """Takes normalised images (N, 3, H, W) of any size, gives logits (N, classes): the deployed arithmetic on this machine.

    Args:
        graph: the network in integers.
        toolchain: that compiles its C for this machine.
        workers: threads.
    """

    def __init__(self, graph: IntegerGraph, toolchain: Toolchain, workers: int = 1) -> None:
        super().__init__()
        self.graph = graph
        with tempfile.TemporaryDirectory(prefix="lmanet-") as name:
            folder = Path(name)
            write_program(graph, folder)
            self._network = HostNetwork(toolchain.compile_host_network(folder, folder / "network.so"), workers)

    @property
    def num_classes(self) -> int:
        """Width of the logits."""
        return self.graph.operators[-1].out_shape[0]

    def forward(self, images: Tensor) -> Tensor:
        inputs = to_int8(resize(images, self.graph.operators[0].in_shape[1]), self.graph.scales[INPUT])
        scale = self.graph.scales[self.graph.operators[-1].name]
        logits = torch.from_numpy(self._network.run(inputs).astype(np.float32) - scale.zero_point) * scale.scale
        return logits.to(images.device)


def to_int8(inputs: Tensor, scale: Scale) -> NDArray[np.int8]:
    """Normalised images (N, C, H, W) -> integers of the network's input, (N, H, W, C)."""
    integers = torch.round(inputs.detach().cpu() / scale.scale + scale.zero_point).clamp(-128, 127)
    return integers.to(torch.int8).permute(0, 2, 3, 1).contiguous().numpy()
