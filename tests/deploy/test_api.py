"""`lmanet.deploy` from Python: what it gives, and what it says of inputs that cannot work."""

import logging

import pytest
import torch

import lmanet
from lmanet.errors import ConfigError, DeployError
from lmanet.network import parse_architecture

pytestmark = pytest.mark.slow  # compiles and emulates

STAGE = {
    "kernel": 3,
    "expansion": 2,
    "se_ratio": 0.5,
    "skip": True,
    "activation": "hard_swish",
    "layers": 1,
}
ARCHITECTURE = parse_architecture(
    {
        "resolution": 16,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [
            {**STAGE, "block": "mbconv", "channels": 16, "stride": 2},
            {**STAGE, "block": "depthwise", "channels": 24, "stride": 1},
        ],
    }
)


@pytest.fixture
def images():
    """Of two kinds that any network tells apart."""
    torch.manual_seed(0)
    return (
        torch.randn(64, 3, 16, 16)
        + torch.where(torch.arange(64) % 2 == 0, -2.0, 2.0)[:, None, None, None]
    )


@pytest.fixture
def network(images):
    """Its batch norm has seen the images, and its classifier tells the two kinds apart by a wide
    margin.
    """
    torch.manual_seed(0)
    made = lmanet.build(ARCHITECTURE, num_classes=10)
    features = {}
    linear = next(module for module in made.modules() if isinstance(module, torch.nn.Linear))
    hook = linear.register_forward_hook(
        lambda module, inputs, output: features.update(seen=inputs[0].detach())
    )
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        made.train()(images)
        made.eval()(images)
        hook.remove()
        direction = features["seen"][::2].mean(0) - features["seen"][1::2].mean(0)
        linear.weight.zero_()
        linear.bias.zero_()
        linear.weight[0], linear.weight[1] = direction, -direction
        middle = features["seen"].mean(0) @ direction
        linear.bias[0], linear.bias[1] = -middle, middle
    return made


def test_files_figures_and_the_agreement_of_int8_and_float_are_returned(
    network, images, tmp_path, caplog
):
    deployed = lmanet.deploy(network, ARCHITECTURE, images, tmp_path / "net")
    assert (
        deployed.measurement.measured_bss_bytes
        == lmanet.estimate(ARCHITECTURE, num_classes=10, runtime="c_static").peak_sram_bytes
    )
    assert (tmp_path / "net" / "firmware" / "check.h").exists() and deployed.target == "stm32h743"
    assert deployed.int8_agreement == 1.0 and not caplog.records
    small = lmanet.deploy(
        network, ARCHITECTURE, images, tmp_path / "small", target=lmanet.load_target("stm32f446")
    )
    assert (small.target, small.clock_mhz) == ("stm32f446", 180)
    assert (small.measurement.core, small.measurement.emulated_core) == ("cortex-m4", "cortex-m4")


def test_a_gain_of_ten_thousand_on_one_channel_is_warned_of(network, images, tmp_path, caplog):
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight[0] *= 1e4
        network.classifier.linear.linear.weight.normal_()
    with caplog.at_level(logging.WARNING):
        deployed = lmanet.deploy(network, ARCHITECTURE, images, tmp_path)
    assert deployed.int8_agreement < 0.9
    assert f"on {round(64 * deployed.int8_agreement)} of 64 calibration images" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda images: (images * 50 + 128).clamp(0, 255).to(torch.uint8),
            r"are torch.uint8; they must be torch.float32, normalised",
        ),
        (lambda images: images.double(), r"are torch.float64; they must be torch.float32"),
        (lambda images: images.half(), r"are torch.float16; they must be torch.float32"),
        (lambda images: images[:0], "there is no calibration image"),
        (
            lambda images: images[:, :, :8, :8],
            r"\(64, 3, 8, 8\); the network reads \(N, 3, 16, 16\)",
        ),
        (lambda images: images[0], r"\(3, 16, 16\); the network reads"),
        (lambda images: images.permute(0, 2, 3, 1), r"\(64, 16, 16, 3\); the network reads"),
        (lambda images: images.to("meta"), "are on meta and the network is on cpu"),
        (lambda images: images / 0, "holds a value that is not finite"),
    ],
)
def test_images_that_cannot_calibrate_are_refused_by_name(
    network, images, tmp_path, change, message
):
    with pytest.raises(ConfigError, match=message):
        lmanet.deploy(network, ARCHITECTURE, change(images), tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("stem.conv.conv.weight", r"stem\.conv: a weight is not finite"),
        ("classifier.linear.linear.bias", r"classifier\.linear: a bias is not finite"),
        ("stem.conv.norm.running_mean", r"stem\.conv: a bias is not finite"),
    ],
)
def test_weights_that_are_not_finite_are_refused_by_their_layer(
    network, images, tmp_path, value, parameter, message
):
    network.state_dict()[parameter].view(-1)[0] = value
    with pytest.raises(DeployError, match=message):
        lmanet.deploy(network, ARCHITECTURE, images, tmp_path)


def test_another_network_architecture_or_target_is_refused(network, images, tmp_path):
    other = ARCHITECTURE.model_copy(update={"stages": ARCHITECTURE.stages[:1]})
    with pytest.raises(ConfigError, match="not that of the network"):
        lmanet.deploy(network, other, images, tmp_path)
    with pytest.raises(ConfigError, match="a Linear cannot be deployed"):
        lmanet.deploy(torch.nn.Linear(1, 1), ARCHITECTURE, images, tmp_path)
    with pytest.raises(
        ConfigError, match=r"target='stm32h743' is no board; .* lmanet\.load_target"
    ):
        lmanet.deploy(network, ARCHITECTURE, images, tmp_path, target="stm32h743")
