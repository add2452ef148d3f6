import pytest
import torch
from torch import nn

from lmanet.deploy.int8.fold import fold
from lmanet.network import parse_architecture
from lmanet.network.build import build
from lmanet.network.int8 import TABLES, tensor_before_table

STAGE = {
    "block": "mbconv",
    "channels": 12,
    "kernel": 3,
    "stride": 2,
    "expansion": 3,
    "se_ratio": 0.25,
    "skip": True,
    "layers": 2,
}


def trained(activation, padding, **changes):
    """A network whose batch norms hold statistics, as after a training."""
    stages = [STAGE | changes, STAGE | {"stride": 1, "channels": 16, "kernel": 5}]
    architecture = {
        "resolution": 30,
        "padding": padding,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": activation},
        "stages": [stage | {"activation": activation} for stage in stages],
        "head": {"channels": 20, "activation": activation},
    }
    network = build(parse_architecture(architecture), 7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 4.0)
    return network.eval()


@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("activation", ["relu6", "leaky_relu", "swish", "hard_swish"])
@pytest.mark.parametrize("block", ["depthwise", "mbconv", "conv", "fused"])
def test_the_folded_graph_computes_what_the_network_computes(block, activation, padding):
    torch.manual_seed(0)
    network = trained(activation, padding, block=block)
    images = torch.randn(3, 3, 30, 30)
    with torch.no_grad():
        torch.testing.assert_close(fold(network)(images), network(images), rtol=1e-4, atol=1e-4)


def test_every_tensor_with_a_scale_is_observed_once_and_may_be_replaced():
    torch.manual_seed(0)
    folded = fold(trained("hard_swish", "same"))
    seen = []

    def observe(name, tensor):
        seen.append(name)
        return torch.zeros_like(tensor) if name == "classifier.pool" else tensor

    with torch.no_grad():
        logits = folded(torch.randn(2, 3, 30, 30), observe)
    tables = [
        tensor_before_table(operator) for operator in folded.graph if operator.activation in TABLES
    ]
    assert sorted(seen) == sorted(["input", *(operator.name for operator in folded.graph), *tables])
    _, bias = folded.constants(folded.graph[-1])
    torch.testing.assert_close(logits, bias.expand(2, 7))
