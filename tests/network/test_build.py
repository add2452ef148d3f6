"""Networks against the formulas: 1,000 random ones of each space and the published three, counted
by torch and thop too.
"""

import gc
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lmanet.cost import estimate
from lmanet.network import Architecture, load_architecture
from lmanet.network.build import Network, build
from lmanet.network.graph import operators
from lmanet.space import load_space

with warnings.catch_warnings():
    # thop (2022) compares versions with distutils, which it takes from setuptools
    warnings.filterwarnings(
        "ignore", "distutils Version classes are deprecated", DeprecationWarning
    )
    import thop
    from thop.profile import register_hooks as thop_rules
    from thop.vision.basic_hooks import zero_ops

SPACES = ("lmanet", "mcu")
CHUNKS = 10
CHUNK = 100
PUBLISHED = {
    "lmanet_elite": (497_997, 82.0, 200),
    "lmanet_core": (453_220, 76.4, 300),
    "qwnet_core": (154_749, 67.1, 400),
}


@pytest.fixture
def meta(monkeypatch):
    """Builds networks of shapes without values: nothing is initialised, normalised or activated,
    most of the time and none of the MACs.
    """

    def batch_norm(images, mean, *_, **__):
        assert images.shape[1] == mean.numel()
        return torch.empty_like(images)

    for name in ("kaiming_uniform_", "kaiming_normal_", "uniform_", "ones_", "zeros_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    for name in ("relu", "hardtanh", "leaky_relu", "silu", "hardswish"):
        monkeypatch.setattr(nn.functional, name, lambda tensor, *_, **__: tensor)
    monkeypatch.setattr(nn.functional, "batch_norm", batch_norm)

    def without_values(architecture: Architecture, num_classes: int) -> Network:
        with torch.device("meta"):
            return build(architecture, num_classes).eval()

    # modules are many small objects in cycles; looking through them all takes a third of the time
    gc.disable()
    with torch.no_grad():
        yield without_values
    gc.enable()


def image(architecture: Architecture) -> torch.Tensor:
    return torch.empty(1, 3, architecture.resolution, architecture.resolution, device="meta")


def torch_macs(network: Network) -> float:
    with FlopCounterMode(display=False) as counter:
        logits = network(image(network.architecture))
    assert logits.shape == (1, network.num_classes)
    return counter.get_total_flops() / 2


def thop_macs(network: Network) -> float:
    """Convolutions and linear layers only: thop would add batch norm; pooling by function it does
    not see.
    """
    return thop.profile(
        network,
        (image(network.architecture),),
        custom_ops={nn.BatchNorm2d: zero_ops},
        verbose=False,
    )[0]


def both_macs(network: Network) -> tuple[float, float]:
    """The same two from one pass, which takes half as long: thop's rules count when it is over."""
    calls: list[tuple[nn.Module, tuple[torch.Tensor, ...], torch.Tensor]] = []
    for module in network.modules():
        if type(module) in thop_rules and not isinstance(module, nn.BatchNorm2d):
            module.total_ops = torch.zeros(1, dtype=torch.float64)
            module.register_forward_hook(lambda *call: calls.append(call))
    by_torch = torch_macs(network)
    for module, given, made in calls:
        thop_rules[type(module)](module, given, made)
    return by_torch, sum(module.total_ops.item() for module, *_ in calls)


def torch_params(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("name", SPACES)
def test_a_thousand_random_networks_of_each_space_cost_what_the_formulas_say(meta, name, chunk):
    space, rng = load_space(name), np.random.default_rng(chunk)
    for _ in range(CHUNK):
        architecture = space.sample(rng)
        network, cost = meta(architecture, 10), estimate(architecture, 10)
        assert both_macs(network) == (cost.macs, cost.macs), architecture
        assert torch_params(network) == cost.params, architecture


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks_are_what_was_published(meta, name):
    params, millions, kib = PUBLISHED[name]
    architecture = load_architecture(name)
    network, cost = meta(architecture, 100), estimate(architecture, 100, "plain")
    assert torch_params(network) == cost.params == params
    assert torch_macs(network) == thop_macs(network) == cost.macs
    assert round(cost.macs / 1e6, 1) == millions
    assert cost.peak_sram_bytes == kib * 1024


@pytest.mark.parametrize("name", SPACES)
def test_random_networks_run_for_real_and_every_parameter_learns(name):
    """At a small, odd size, so that padding is uneven in some layers and not in others."""
    space = load_space(name, {"stage": {"layers": [1, 2], "channels": [16, 24, 32]}})
    for seed, size in enumerate((17, 24, 31)):
        architecture = space.sample(np.random.default_rng(seed)).model_copy(
            update={"resolution": size}
        )
        network = build(architecture, 7)
        logits = network(torch.randn(2, 3, size, size))
        assert logits.shape == (2, 7) and torch.isfinite(logits).all()
        logits.square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
        assert estimate(architecture, 7).params == torch_params(network)


def test_each_operator_makes_the_shape_that_the_graph_says(make):
    stages = (
        {"block": "mbconv", "expansion": 4, "stride": 2, "se_ratio": 0.25, "kernel": 5},
        {"channels": 24, "skip": True, "kernel": 7},
    )
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    architecture = make(
        *stages, resolution=31, stem=stem, head={"channels": 96, "activation": "swish"}
    )
    network = build(architecture, 10).eval()
    seen = {}
    for name, block in network.named_children():
        for role, layer in block.named_children():
            layer.register_forward_hook(
                lambda _, __, out, key=(name, role): seen.update({key: tuple(out.shape[1:])})
            )
    network(torch.randn(1, 3, 31, 31))
    for operator in operators(architecture, 10):
        if operator.kind in ("conv", "depthwise", "linear"):
            part, _, role = operator.name.rpartition(".")
            shape = operator.out_shape if operator.kind != "linear" else operator.out_shape[:1]
            assert seen.pop((part.replace(".", "_"), role)) == shape
    assert not seen


def test_a_block_computes_what_the_paper_says(make):
    """MBConv with SE and a projected skip, written out with torch's own functions."""
    f = nn.functional
    stage = {
        "block": "mbconv",
        "expansion": 2,
        "se_ratio": 0.5,
        "skip": True,
        "activation": "swish",
        "channels": 4,
    }
    network = build(make(stage, resolution=8), 10).eval()
    block = network.stage1_0
    images = torch.randn(2, 3, 8, 8)

    def normed(role: str, tensor: torch.Tensor, **how) -> torch.Tensor:
        layer = getattr(block, role)
        return layer.norm(f.conv2d(tensor, layer.conv.weight, **how))

    hidden = f.silu(normed("expand", images))
    hidden = f.silu(normed("depthwise", hidden, padding=1, groups=6))
    reduce, expand = block.se_reduce.conv, block.se_expand.conv
    gate = f.relu(f.conv2d(hidden.mean((2, 3), keepdim=True), reduce.weight, reduce.bias))
    gate = torch.sigmoid(f.conv2d(gate, expand.weight, expand.bias))
    expected = normed("project", hidden * gate) + normed("skip", images)
    torch.testing.assert_close(block(images), expected)


def test_same_padding_is_tensorflows_at_stride_2(make):
    """Uneven: nothing before the image, one pixel after it; the first output
    reads pixels 0 to 2.
    """
    network = build(make({"stride": 2}, resolution=8), 10).eval()
    depthwise = network.stage1_0.depthwise
    nn.init.ones_(depthwise.conv.weight)
    images = torch.arange(64.0).reshape(1, 1, 8, 8).expand(1, 3, 8, 8)
    summed = depthwise.conv(depthwise.pad(images))
    assert summed.shape[-2:] == (4, 4)
    assert summed[0, 0, 0, 0] == images[0, 0, 0:3, 0:3].sum()
    assert summed[0, 0, 3, 3] == images[0, 0, 6:8, 6:8].sum()


def test_dropout_acts_in_training_only(make):
    network = build(make(), 10, dropout=0.9)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(network.eval()(images), network(images))
    network.train()
    assert not torch.equal(network(images), network(images))


@pytest.mark.parametrize("module", ["lmanet", "lmanet.space", "lmanet.run.records", "lmanet.steps"])
def test_importing_it_does_not_import_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_asking_for_build_imports_it():
    code = "import sys, lmanet; lmanet.build; sys.exit('torch' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import lmanet

    with pytest.raises(AttributeError, match="module 'lmanet' has no attribute 'train_it'"):
        _ = lmanet.train_it
