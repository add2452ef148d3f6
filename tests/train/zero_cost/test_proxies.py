"""Each proxy on a network so small that its value is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lmanet.cost import estimate
from lmanet.errors import ConfigError
from lmanet.network import parse_architecture
from lmanet.network.build import build
from lmanet.train.zero_cost import PROXIES
from lmanet.train.zero_cost.zico import _steadiness

pytestmark = pytest.mark.slow  # trains

IMAGES = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 2
CLASSIFIER = nn.Identity()


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def value(proxy: str, *blocks: nn.Module, images: torch.Tensor = IMAGES) -> float:
    return PROXIES[proxy](nn.Sequential(*blocks).train(), images, LABELS[: len(images)])


def conv(weights: list, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias and padding; ``weights``: (out, in, k, k),
    or (out, in) for 1x1.
    """
    weight = torch.tensor(weights, dtype=torch.float32)
    weight = weight if weight.dim() == 4 else weight[:, :, None, None]
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], stride, bias=False)
    layer.weight.data = weight
    return layer


def test_size_of_a_graph(architecture):
    network, cost = build(architecture, 10), estimate(architecture, 10)
    assert (
        PROXIES["params"](network, IMAGES, LABELS)
        == cost.params
        == sum(weight.numel() for weight in network.parameters())
    )
    assert PROXIES["macs"](network, IMAGES, LABELS) == cost.macs
    assert PROXIES["depth"](network, IMAGES, LABELS) == 6, (
        "stem, twice depthwise and 1x1, classifier"
    )


def test_depth_goes_the_longest_way():
    stage = {
        "block": "mbconv",
        "channels": 8,
        "kernel": 3,
        "stride": 1,
        "expansion": 2,
        "activation": "swish",
        "layers": 1,
    }
    for skip, ratio, layers in ((True, 0.0, 4), (False, 0.0, 4), (True, 0.5, 6)):
        architecture = parse_architecture(
            {"resolution": 8, "stages": [{**stage, "skip": skip, "se_ratio": ratio}]}
        )
        assert PROXIES["depth"](build(architecture, 2), IMAGES, LABELS) == layers


@pytest.mark.parametrize("between", [(), (nn.BatchNorm2d(2), nn.ReLU6()), (nn.Hardswish(),)])
def test_synflow_of_a_chain_is_the_product_of_its_weights_once_a_layer(between):
    blocks = conv([[1, -2, 0], [0, 3, -4]]), *between, nn.Flatten(), nn.Linear(2, 1, bias=True)
    blocks[-1].weight.data = torch.tensor([[-5.0, 6.0]])
    assert value("synflow", *blocks, images=IMAGES[:1, :, :1, :1]) == pytest.approx(
        math.log(2 * (5 * 3 + 6 * 7))
    )


def test_synflow_of_a_hundred_wide_layers_is_finite():
    assert value(
        "synflow",
        *[conv(np.full((3, 3), 1e3).tolist()) for _ in range(80)],
        images=IMAGES[:1, :, :1, :1],
    ) > math.log(1e38)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.Hardswish])
def test_naswot_counts_the_units_that_agree(activation):
    signs = torch.tensor([[1, 2, -1, -9], [9, -1, -2, 1]]).view(2, 1, 2, 2).float()
    assert value("naswot", activation(), images=signs) == pytest.approx(math.log(4 * 4 - 2 * 2))
    assert value(
        "naswot", activation(), activation(), nn.Sigmoid(), images=signs[:1]
    ) == pytest.approx(math.log(4 + 4))


def test_naswot_of_images_with_one_code_is_bad_and_finite():
    assert value("naswot", nn.ReLU(), images=torch.ones(2, 1, 2, 2)) == pytest.approx(
        math.log(8) + math.log(1e-6)
    )


def test_zen_of_one_convolution_with_and_without_batch_norm():
    expected = math.log(0.01 * math.sqrt(3 * 64 * 8 * 8))  # step x sqrt(inputs of a unit x units)
    assert value("zen", nn.Conv2d(3, 64, 1, bias=False), CLASSIFIER) == pytest.approx(
        expected, abs=0.1
    )
    torch.manual_seed(0)
    normed = nn.Sequential(nn.Conv2d(3, 64, 1, bias=False), nn.BatchNorm2d(64))
    assert value("zen", normed, CLASSIFIER) == pytest.approx(expected, abs=0.1), (
        "what batch norm divides by is given back"
    )


def test_zico_of_given_gradients():
    sizes = torch.tensor([[1.0, 2.0, 10.0], [3.0, 2.0, 30.0]])
    assert _steadiness(sizes) == pytest.approx(math.log(2 / 1 + 20 / 10)), (
        "the second weight never varies"
    )


def test_zico_of_a_linear_layer():
    images = IMAGES[:8, :, :1, :1]
    layer = nn.Linear(3, 2, bias=False)
    x, weight = images.flatten(1).double().numpy(), layer.weight.detach().double().numpy()
    shares = np.exp(x @ weight.T) / np.exp(x @ weight.T).sum(1, keepdims=True)
    errors = shares - np.eye(2)[LABELS[:8].numpy()]
    gradients = np.abs([errors[i : i + 2].T @ x[i : i + 2] / 2 for i in range(0, 8, 2)])
    expected = math.log((gradients.mean(0) / gradients.std(0)).sum())
    assert value("zico", nn.Flatten(), layer, images=images) == pytest.approx(expected, rel=1e-4)


def test_zico_needs_two_images_a_batch():
    with pytest.raises(ConfigError, match="zico needs 8 images"):
        value("zico", nn.Flatten(), nn.Linear(192, 2), images=IMAGES[:7])


def test_entropy_of_features():
    alike, one = conv(np.eye(3).tolist()), conv(np.ones((3, 3)).tolist())
    assert value("expressivity", alike, alike, CLASSIFIER) == pytest.approx(
        2 * math.log(3), abs=0.01
    )
    assert value("expressivity", alike, one, CLASSIFIER) == pytest.approx(math.log(3), abs=0.01), (
        "one component has no entropy"
    )
    assert value("progressivity", alike, one, CLASSIFIER) == pytest.approx(-math.log(3), abs=0.01)
    assert value("progressivity", alike, CLASSIFIER) == 0


def test_trainability_is_best_where_gradients_keep_their_size():
    mix = conv([[1, 1, 1]])
    for gain in (0.25, 1.0, 3.0):
        assert value("trainability", mix, conv([[gain]]), CLASSIFIER) == pytest.approx(
            2 - gain - 1 / gain
        )
    assert value("trainability", mix, conv([[1]]), conv([[0.5]]), CLASSIFIER) == pytest.approx(
        (0 - 0.5) / 2
    )
    assert value("trainability", mix, CLASSIFIER) == 0


@pytest.mark.parametrize("size", [8, 7])
def test_trainability_at_stride_two(size):
    halving = conv([[[[0.5, 0.5], [0.5, 0.5]]]], stride=2)
    padded = nn.Sequential(nn.ZeroPad2d((0, size % 2, 0, size % 2)), halving)
    gain = math.sqrt(4 * 0.5**2)
    tolerance = 1e-6 if size == 8 else 0.2  # pixels beyond an odd edge have no gradient
    images = IMAGES[:, :, :size, :size]
    assert value(
        "trainability", conv([[1, 1, 1]]), padded, CLASSIFIER, images=images
    ) == pytest.approx(2 - gain - 1 / gain, abs=tolerance)
