"""Verification of a network that was never trained: what it takes of a board does not depend on its
weights.
"""

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from lmanet.board import Target
from lmanet.deploy.int8.calibrate import calibrate, minmax
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.int8.quantize import quantize
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.settings import Settings
from lmanet.network import Architecture
from lmanet.network.build import Network, build
from lmanet.network.graph import INPUT
from lmanet.run.measurement import Measurement
from lmanet.space import architecture_id

IMAGES = 4


class CandidateVerifier:
    """Takes architectures through the true runtimes, in seconds each.

    Args:
        num_classes: width of the classifier.
        verifier: that runs them.
    """

    def __init__(self, num_classes: int, verifier: Verifier) -> None:
        self.num_classes = num_classes
        self.verifier = verifier

    def measure(self, architecture: Architecture) -> Measurement:
        """Quantise the network with random weights, and verify it; no file is kept.

        Raises:
            DeployError: two runtimes differ, or a memory model is wrong.
        """
        images = torch.randn(
            IMAGES, *architecture.input_shape, generator=torch.Generator().manual_seed(0)
        )
        graph = untrained_graph(architecture, self.num_classes, images)
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            inputs = to_int8(images[:1], graph.scales[INPUT])
            return self.verifier.verify(graph, inputs, Path(folder), architecture_id(architecture))[
                1
            ]


def candidate_verifier(target: Target, num_classes: int, settings: Settings) -> CandidateVerifier:
    """The verifier for networks of a target, by the tools of ``settings``.

    Raises:
        ConfigError: one of the tools is missing.
    """
    verifier = Verifier(
        target.core, settings.toolchain, settings.emulator, target.platform.c_options
    )
    verifier.require()
    return CandidateVerifier(num_classes, verifier)


def untrained_graph(
    architecture: Architecture, num_classes: int, images: Tensor, seed: int = 0
) -> IntegerGraph:
    """The integer graph of a network with random weights, whose batch norm has seen ``images`` (N,
    channels, height, width) and nothing else.
    """
    torch.manual_seed(seed)
    network = build(architecture, num_classes)
    _settle(network, images)
    folded = fold(network)
    labels, channels = [str(label) for label in range(num_classes)], images.shape[1]
    ranges = calibrate(folded, images, minmax)
    return quantize(folded, ranges, labels, (0.0,) * channels, (1.0,) * channels)


def _settle(network: Network, images: Tensor) -> None:
    """Set the statistics of batch norm: without them the signal of a deep network vanishes or
    explodes.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches seen
    with torch.no_grad():
        network.train()(images)
    network.eval()
