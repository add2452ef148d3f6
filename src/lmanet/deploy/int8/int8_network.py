"""The generated C as a torch module, so that whatever measures a float network measures the
deployed one.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmanet.deploy.int8.graph import IntegerGraph, Scale
from lmanet.deploy.int8.read_tflite import read_tflite
from lmanet.deploy.run.host import MOST_FRAME_SIDE, HostNetwork
from lmanet.deploy.run.toolchain import Toolchain, toolchain_named
from lmanet.deploy.run.verify import MODEL
from lmanet.deploy.write.program import write_program
from lmanet.network import Architecture
from lmanet.network.graph import INPUT
from lmanet.network.images import fit, part_of


class Int8Network(nn.Module):
    """Takes pixels (N, 3, H, W) of any size, or bytes in the shape of its input, and gives logits
    (N, classes): the firmware's arithmetic on this machine, from a frame on.

    Args:
        program: folder of the generated C.
        toolchain: that compiles it for this machine.
        input_scale, output_scale: of image and logits.
        workers: threads.
    """

    reads_frames = True  # it resizes and normalises them itself, from the size of a file on

    def __init__(
        self,
        program: Path,
        toolchain: Toolchain,
        input_scale: Scale,
        output_scale: Scale,
        workers: int = 1,
    ) -> None:
        super().__init__()
        self.input_scale = input_scale
        self.output_scale = output_scale
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            self._network = HostNetwork(
                toolchain.compile_host_network(program, Path(folder) / "network.so"), workers
            )
        self.num_classes = self._network.output_bytes

    def forward(self, pixels: Tensor) -> Tensor:
        outputs = self._outputs(pixels)
        logits = (
            torch.from_numpy(outputs.astype(np.float32) - self.output_scale.zero_point)
            * self.output_scale.scale
        )
        return logits.to(pixels.device)

    def _outputs(self, pixels: Tensor) -> NDArray[np.int8]:
        channels, *size = self._network.input_shape
        as_it_is = tuple(pixels.shape[1:]) == self._network.input_shape
        if as_it_is and (channels != 3 or not self._network.has_camera):
            return self._network.run_bytes(pixels.cpu().permute(0, 2, 3, 1).numpy())
        if pixels.shape[1] == 1:  # grey as a colour camera gives it
            pixels = pixels.expand(-1, 3, -1, -1)
        high, wide = part_of((pixels.shape[-2], pixels.shape[-1]), (size[0], size[1]))
        if max(high, wide) > MOST_FRAME_SIDE:  # no camera of a microcontroller has such frames
            height, width = (MOST_FRAME_SIDE * side // max(size) for side in size)
            pixels = fit(pixels, (height, width))
        return self._network.run_frames(pixels.cpu().permute(0, 2, 3, 1).numpy())


def int8_network(graph: IntegerGraph, toolchain: Toolchain, workers: int = 1) -> Int8Network:
    """The module of an integer graph; its C is written for this alone."""
    with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
        write_program(graph, Path(folder))
        return Int8Network(
            Path(folder),
            toolchain,
            graph.scales[INPUT],
            graph.scales[graph.operators[-1].name],
            workers,
        )


def load_deployed(
    folder: Path,
    architecture: Architecture,
    num_classes: int,
    toolchain: str = "zig",
    workers: int = 1,
) -> Int8Network:
    """The module of a network that was deployed into ``folder``; its C is written anew from the
    int8 file, since the C that stands there may be anyone's.

    Raises:
        DeployError: the int8 file is not that of this network.
    """
    graph = read_tflite(folder / MODEL, architecture, num_classes)
    return int8_network(graph, toolchain_named(toolchain), workers)


def to_int8(inputs: Tensor, scale: Scale) -> NDArray[np.int8]:
    """Normalised images (N, C, H, W) -> integers of the network's input, (N, H, W, C).

    The C's `lmanet_input_table` is rounded from doubles, this from single precision: of a million
    bytes some four differ by 1.
    """
    integers = torch.round(inputs.detach().cpu() / scale.scale + scale.zero_point).clamp(-128, 127)
    return integers.to(torch.int8).permute(0, 2, 3, 1).contiguous().numpy()
