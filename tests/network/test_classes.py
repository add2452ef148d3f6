"""Classes are compared by name, in one place."""

import pytest
import torch
from torch import nn

from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.network.build import build
from lmanet.network.classes import ClassNames, match_classes, require_same_order
from lmanet.network.weights import reordered


def match(trained: str, given: str):
    return match_classes(
        ClassNames("net.ckpt", trained.split()), ClassNames("photos", given.split())
    )


def test_classes_in_another_order_are_found_by_name():
    assert match("cat dog eel", "eel cat dog").places == (2, 0, 1)
    assert match("cat dog eel", "cat dog eel").is_identity
    # folders sort as text, numbers as numbers
    assert match("0 1 10 2", "0 1 2 10").places == (
        0,
        1,
        3,
        2,
    )


def test_other_classes_of_the_same_number_are_refused_by_name():
    with pytest.raises(
        ConfigError,
        match=(
            r"net.ckpt was trained on other classes than photos has: cat there, "
            r"kitty here; choose its data="
        ),
    ):
        match("cat dog", "dog kitty")


def test_another_number_of_classes_is_refused():
    with pytest.raises(ConfigError, match=r"net.ckpt tells 2 classes apart, photos has 3"):
        match("cat dog", "cat dog eel")


def test_names_that_stand_twice_are_matched_only_in_their_own_order():
    assert match("ray ray eel", "ray ray eel").is_identity
    with pytest.raises(ConfigError, match="other classes"):
        match("ray ray eel", "eel ray ray")


@pytest.mark.parametrize(
    ("trained", "given", "nameless"), [("0 1", "cat dog", "net.ckpt"), ("cat dog", "0 1", "photos")]
)
def test_where_one_side_has_no_names_their_order_is_taken_and_said(trained, given, nameless):
    found = match(trained, given)
    assert found.is_identity
    (notice,) = found.notices
    assert notice.kind == "unnamed_classes" and notice.text.startswith(
        f"{nameless} has no names of classes"
    )


def test_numbers_that_are_names_on_both_sides_are_names():
    with pytest.raises(ConfigError, match="0 there, zero here"):
        match("0 1 2", "zero 1 2")


def test_files_that_bear_labels_need_the_same_order():
    cats, dogs = ClassNames("net.ckpt", ["cat", "dog"]), ClassNames("photos", ["dog", "cat"])
    with pytest.raises(
        ConfigError,
        match=r"net.ckpt has its classes in another order \(cat, dog\) than photos \(dog, cat\)",
    ):
        require_same_order(cats, dogs)
    assert require_same_order(cats, cats._replace(owner="photos")) == ()


def test_a_reordered_network_gives_the_same_logits_in_another_order():
    torch.manual_seed(0)
    network = build(load_architecture("qwnet_core"), 3).eval()
    images = torch.randn(2, 3, network.architecture.resolution, network.architecture.resolution)
    before = network(images)
    changed = reordered(network, (2, 0, 1))
    torch.testing.assert_close(changed(images), before[:, [2, 0, 1]])
    torch.testing.assert_close(network(images), before)  # the network itself stays as it is
    other = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    torch.testing.assert_close(reordered(other, (2, 0, 1))(images), other(images)[:, [2, 0, 1]])


def test_a_network_in_order_is_handed_on_as_it_is_and_a_wrapped_one_keeps_what_it_reads():
    frames = nn.Identity()
    frames.reads_frames = True
    assert reordered(frames, (0, 1)) is frames
    assert reordered(frames, (1, 0)).reads_frames and not hasattr(
        reordered(frames, (1, 0)), "input_resolution"
    )
