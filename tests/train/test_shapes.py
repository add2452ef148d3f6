"""A sensor's signals through a training to int8: channels x 1 x samples."""

from collections.abc import Callable

import pytest
import torch

from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule
from lmanet.data.split import Split
from lmanet.deploy.int8.calibrate import calibrate, minmax
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.int8_network import int8_network
from lmanet.deploy.int8.quantize import quantize
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.network import parse_architecture
from lmanet.network.images import normalise
from lmanet.train import Recipe, Trainer

SAMPLES = 40
STAGE = {"block": "depthwise", "channels": 12, "kernel": 5, "stride": 2, "expansion": 1}
STAGE |= {"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1}


class Waves(ImageModule):
    """Noise with a slow or a fast wave in all of three channels."""

    name = "waves"
    description = "signals of an accelerometer"
    num_classes, classes = 2, ("slow", "fast")
    channels, height, width, resizable = 3, 1, SAMPLES, False
    mean, std = (0.5,) * 3, (0.25,) * 3

    def __init__(self) -> None:
        super().__init__(Split(val_fraction=0.25))

    def read_train(self) -> MemoryImages:
        generator = torch.Generator().manual_seed(0)
        labels = torch.arange(160) % 2
        periods = torch.tensor([20.0, 5.0])[labels].view(-1, 1, 1, 1)
        wave = torch.sin(torch.arange(SAMPLES) * 2 * torch.pi / periods)
        noise = torch.randn(160, 3, 1, SAMPLES, generator=generator)
        values = (128 + 60 * wave + 20 * noise).clamp(0, 255).byte()
        return MemoryImages(values, labels)

    def read_test(self) -> MemoryImages:
        return self.read_train()


@pytest.mark.slow  # trains and compiles
def test_signals_are_learnt_and_the_board_computes_the_same(
    make_recipe: Callable[..., Recipe],
) -> None:
    data = Waves()
    trainer = Trainer(data, make_recipe(epochs=4))
    architecture = parse_architecture(
        {"resolution": 1, "width": SAMPLES, "stages": [STAGE, {**STAGE, "kernel": 3}]}
    )
    network = trainer.build(architecture, 0)
    assert trainer.fit(network, 0).val_accuracy > 0.9  # chance is 0.5

    folded = fold(network.eval())
    images = normalise(data.train_images.images[:64], data.mean, data.std)
    graph = quantize(folded, calibrate(folded, images, minmax), data.classes, data.mean, data.std)
    int8 = int8_network(graph, toolchain_named("zig"))
    assert trainer.validate(int8).val_accuracy > 0.9
