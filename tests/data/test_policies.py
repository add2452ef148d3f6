"""The policies against torchvision's own transforms of one image: the same bits, and the same
distribution of what is drawn.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.stats import chi2_contingency
from torch import Tensor

from lmanet.data.policies import TRANSFORMS, Policy, policy

DRAWS = 6000


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Colourful, some of them dark, flat or with few levels."""
    torch.manual_seed(0)
    noise = torch.rand(48, 3, 32, 32)
    smooth = torch.nn.functional.interpolate(
        torch.rand(48, 3, 4, 4), (32, 32), mode="bicubic"
    ).clamp(0, 1)
    images = torch.cat([noise * torch.rand(48, 1, 1, 1), smooth])
    images[::16] = images[::16].mean((2, 3), keepdim=True)
    return (images * 255).byte()


def torchvision_draws(name: str) -> Counter[tuple[Any, ...]]:
    transform, done = TRANSFORMS[name](), []

    def note(image: Tensor, operation: str, magnitude: float, **_: Any) -> Tensor:
        done.append((operation, magnitude))
        return image

    transform._apply_image_or_video_transform = note
    image, counts = torch.zeros(3, 32, 32, dtype=torch.uint8), Counter[tuple[Any, ...]]()
    for _ in range(DRAWS):
        transform(image)
        counts[tuple(action for action in done if action[0] != "Identity")] += 1
        done.clear()
    return counts


def our_draws(ours: Policy) -> Counter[tuple[Any, ...]]:
    drawn = ours.draw(DRAWS).T.tolist()
    return Counter(
        tuple(
            action for action in (ours.actions[code] for code in codes) if action[0] != "Identity"
        )
        for codes in drawn
    )


def likeness(one: Counter[tuple[Any, ...]], other: Counter[tuple[Any, ...]]) -> float:
    """Probability that two such samples of one distribution differ so much; what is rare is counted
    together.
    """
    table, rare = [], [0, 0]
    for key in one | other:
        if one[key] + other[key] >= 10:
            table.append([one[key], other[key]])
        else:
            rare = [rare[0] + one[key], rare[1] + other[key]]
    return float(chi2_contingency([*table, rare] if sum(rare) else table).pvalue)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_sequences_of_operations_are_drawn_as_torchvision_draws_them(name: str) -> None:
    torch.manual_seed(1)
    assert likeness(our_draws(policy(name, 32, 32)), torchvision_draws(name)) > 1e-3


def test_another_distribution_would_be_noticed() -> None:
    torch.manual_seed(1)
    ours, theirs = policy("cifar10", 32, 32), torchvision_draws("cifar10")
    assert likeness(our_draws(replace(ours, is_tied=False)), theirs) < 1e-9
    assert (
        likeness(
            our_draws(replace(ours, probabilities=(ours.probabilities + 0.1).clamp(max=1))), theirs
        )
        < 1e-9
    )
    # which moves images less far
    assert likeness(our_draws(policy("cifar10", 28, 28)), theirs) < 1e-9


@pytest.mark.parametrize("name", TRANSFORMS)
def test_many_images_get_the_bits_that_torchvision_gives_one(name: str, images: Tensor) -> None:
    torch.manual_seed(2)
    ours = policy(name, 32, 32)
    drawn = ours.draw(len(images))
    transform = TRANSFORMS[name]()
    expected = []
    for image, codes in zip(images, drawn.T.tolist(), strict=True):
        for operation, magnitude in (ours.actions[code] for code in codes):
            image = transform._apply_image_or_video_transform(
                image, operation, magnitude, transform.interpolation, transform._fill
            )
        expected.append(image)
    before = images.clone()
    assert torch.equal(ours.apply(images, drawn), torch.stack(expected))
    assert torch.equal(images, before)


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (33, 20)], ids=str)
def test_each_operation_gives_each_image_of_a_group_the_same_bits_as_alone(
    size: tuple[int, int], images: Tensor
) -> None:
    ours = policy("trivial_wide", *size)
    group = torch.nn.functional.interpolate(images[40:56].float(), size).byte()
    for action in ours.actions[:: 1 if size == (32, 32) else 7]:
        assert torch.equal(
            ours.act(action, group), torch.stack([ours.act(action, image) for image in group])
        ), action
