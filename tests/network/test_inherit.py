"""What an edited network takes over: compared with its parent on real-valued images, in evaluation
mode.
"""

import numpy as np
import pytest
import torch

from lmanet.network.build import Network, build
from lmanet.network.inherit import inherit
from lmanet.space import load_space

CLASSES = 5
SKIP = {"skip": True, "layers": 2}


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def settled(architecture, images: torch.Tensor, seed: int) -> Network:
    """A network whose batch norm has seen images, so that what it computes is its own."""
    torch.manual_seed(seed)
    network = build(architecture, CLASSES)
    network.train()
    for _ in range(3):
        network(images)
    return network.eval()


def born(architecture, parent: Network) -> tuple[Network, float]:
    torch.manual_seed(99)
    child = build(architecture, CLASSES)
    share = inherit(child, parent)
    return child.eval(), share


def test_a_twin_computes_what_its_parent_computes(make, images):
    parent = settled(make({"channels": 16}, SKIP), images, 0)
    child, share = born(parent.architecture, parent)
    assert share == 1
    assert torch.equal(child(images), parent(images))


@pytest.mark.parametrize(
    "edit",
    [
        {"kernel": 5},
        {"kernel": 7},
        {"channels": 24},
        {"layers": 3},
        {"expansion": 4},
    ],
)
def test_an_edit_that_adds_computes_what_its_parent_computes(make, images, edit):
    stage = {"block": "mbconv", "expansion": 3, "channels": 16, "kernel": 3, **SKIP, "skip": True}
    before, after = (
        make({"channels": 16}, stage, {"channels": 32}),
        make({"channels": 16}, stage | edit, {"channels": 32}),
    )
    parent = settled(before, images, 0)
    child, share = born(after, parent)
    assert 0.2 < share <= 1
    if "channels" in edit:  # its skip connection is a new 1x1 convolution: only as far as that
        return
    torch.testing.assert_close(child(images), parent(images), rtol=1e-4, atol=1e-4)


def test_a_stage_put_between_two_leaves_both_their_weights(make, images):
    first, last = {"channels": 16, "stride": 2}, {"channels": 32, "stride": 2}
    new = {"channels": 16, "stride": 1, "skip": True}
    parent = settled(make(first, last), images, 0)
    child, share = born(make(first, new, last), parent)
    torch.testing.assert_close(child(images), parent(images), rtol=1e-4, atol=1e-4)
    assert torch.equal(child.stage3_0.project.conv.weight, parent.stage2_0.project.conv.weight)
    assert 0.5 < share < 1


def test_a_stage_left_out_leaves_the_others_their_weights(make, images):
    stages = {"channels": 16}, {"channels": 24}, {"channels": 32}
    parent = settled(make(*stages), images, 0)
    child, _ = born(make(stages[0], stages[2]), parent)
    assert torch.equal(
        child.stage2_0.project.conv.weight[:, :16], parent.stage3_0.project.conv.weight[:, :16]
    )


def test_a_smaller_kernel_keeps_the_middle(make, images):
    parent = settled(make({"kernel": 5}), images, 0)
    child, _ = born(make({"kernel": 3}), parent)
    assert torch.equal(
        child.stage1_0.depthwise.conv.weight, parent.stage1_0.depthwise.conv.weight[..., 1:4, 1:4]
    )


def test_fewer_channels_keep_the_first(make, images):
    parent = settled(make({"channels": 32}, {}), images, 0)
    child, _ = born(make({"channels": 16}, {}), parent)
    assert torch.equal(child.stage1_0.project.conv.weight, parent.stage1_0.project.conv.weight[:16])
    assert torch.equal(
        child.stage1_0.project.norm.running_var, parent.stage1_0.project.norm.running_var[:16]
    )


@pytest.mark.slow
def test_any_edit_of_the_space_can_inherit(images):
    space, rng = load_space("mcu"), np.random.default_rng(0)
    for _ in range(40):
        before = space.sample(rng).model_copy(update={"resolution": 32})
        parent, child = (
            build(before, CLASSES),
            build(space.mutate(before, rng).model_copy(update={"resolution": 32}), CLASSES),
        )
        share = inherit(child, parent)
        assert 0 <= share <= 1
        assert torch.isfinite(child.eval()(images[:1])).all()


@pytest.mark.parametrize("shape", [(3, 1, 40), (3, 40, 1)], ids=str)
def test_a_signal_s_wider_window_computes_what_its_parent_computes(make, shape):
    size = {"resolution": shape[1], "width": shape[2]}
    signals = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    parent = settled(make({"channels": 16, "kernel": 3}, **size), signals, 0)
    child, _ = born(make({"channels": 16, "kernel": 5}, **size), parent)
    torch.testing.assert_close(child(signals), parent(signals), rtol=1e-4, atol=1e-4)
