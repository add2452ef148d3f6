"""docs/how-to/add-an-operator.md: a maximum over 2 x 2 pixels, with no file of ours changed."""

import importlib.util

import pytest
import torch
from torch.nn import functional

from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.estimate import macs, params
from lmanet.cost.flash import flash_bytes
from lmanet.cost.memory import memory
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.deploy.int8.calibrate import calibrate, minmax
from lmanet.deploy.int8.fold import Folded
from lmanet.deploy.int8.qat import QatNetwork
from lmanet.deploy.int8.quantize import quantize
from lmanet.errors import ConfigError
from lmanet.network.build import Block
from lmanet.network.operators import INPUT, KINDS, Form, make_operator


@pytest.fixture
def graph(follow):
    """A convolution, the operator of the page, and a classifier."""
    path = follow("add-an-operator").folder / "plugin" / "max_pool.py"
    spec = importlib.util.spec_from_file_location("max_pool", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    conv = make_operator("a.conv", "conv", (INPUT,), (3, 8, 8), Form(4, 3, 1, (1, 1)))
    pool = make_operator("a.pool", "max_pool", ("a.conv",), conv.out_shape)
    mean = make_operator("a.mean", "mean", ("a.pool",), pool.out_shape)
    linear = make_operator("a.linear", "linear", ("a.mean",), mean.out_shape, Form(5))
    yield tuple(each._replace(bias=bool(each.weights)) for each in (conv, pool, mean, linear))
    del KINDS["max_pool"]


@pytest.fixture
def images():
    return torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def folded_of(block: Block, graph) -> Folded:
    layers = {each.name: block.get_submodule(each.role)[-1] for each in graph if each.filter_shape}
    filters = {
        each.name: (layers[each.name].weight.reshape(each.filter_shape), layers[each.name].bias)
        for each in graph
        if each.filter_shape
    }
    return Folded(graph, {name: (w.detach(), b.detach()) for name, (w, b) in filters.items()})


def test_its_shape_macs_and_parameters_follow(graph):
    _, pool, mean, _ = graph
    assert pool.out_shape == mean.in_shape == (4, 4, 4)
    assert [macs(each) for each in graph] == [8 * 8 * 27 * 4, 0, 0, 20]
    assert [params(each) for each in graph] == [27 * 4 + 4, 0, 0, 25]


def test_its_memory_and_flash_follow_under_plain(graph):
    """Bytes: image 192, convolution 256, pool 64, mean 4, logits 5."""
    assert memory(graph, "plain").operator_bytes == (192 + 256, 256 + 64, 64 + 4, 4 + 5)
    assert [flash_bytes(each, "plain") for each in graph] == [27 * 4 + 12 * 4, 0, 0, 20 + 12 * 5]


def test_torch_computes_it(graph, images):
    block = Block(graph, INPUT, dropout=0.0).eval()
    conv, linear = block.get_submodule("conv"), block.get_submodule("linear")
    expected = linear(functional.max_pool2d(conv(images), 2).mean((2, 3)))
    torch.testing.assert_close(block(images), expected)
    torch.testing.assert_close(folded_of(block, graph)(images), expected)


def test_int8_follows(graph, images):
    torch.manual_seed(0)
    block = Block(graph, INPUT, dropout=0.0).eval()
    folded = folded_of(block, graph)
    ranges = calibrate(folded, images, minmax)
    integers = quantize(folded, ranges, "abcde", (0.0,) * 3, (1.0,) * 3)
    assert integers.scales["a.pool"].scale == pytest.approx(integers.scales["a.conv"].scale)
    with torch.no_grad():
        rounded, exact = QatNetwork(folded, integers)(images), block(images)
    step = integers.scales["a.linear"].scale
    assert torch.equal(torch.round(rounded / step) * step, rounded)
    assert 0 < (rounded - exact).abs().max() < 4 * step


def test_a_runtime_that_does_not_know_it_says_so(graph):
    with pytest.raises(ConfigError, match=r"a\.pool: the kind max_pool has no kernel in our C"):
        plan_c_static(graph)
    with pytest.raises(ConfigError, match=r"a\.pool: the kind max_pool has no form in TFLite"):
        tflm_arena(graph)
