import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from lmanet.data import Augment, Mnist5k
from lmanet.data.policies import TRANSFORMS
from lmanet.errors import ConfigError

TARGETS = torch.nn.functional.one_hot(torch.arange(64) % 10, 10).float()
SETTINGS = [
    {"crop_padding": 4},
    {"flip": True},
    *({"auto_augment": policy} for policy in TRANSFORMS),
    {"random_erasing": 1.0},
    {"mixup_strength": 0.8},
    {"cutmix_strength": 1.0},
    {"mixup_strength": 0.2, "cutmix_strength": 1.0},
]


@pytest.fixture(scope="module")
def batch(digits: Mnist5k) -> Tensor:
    return digits.train_images.images[:64]


def act(augment: Augment, images: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return augment.mix(augment.each(images), TARGETS)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_each_setting_changes_the_images_and_follows_the_seed(
    batch: Tensor, settings: dict[str, object]
) -> None:
    augment, before = Augment(**settings), batch.clone()
    images, targets = act(augment, batch)
    again, same = act(augment, batch)
    assert images.shape == batch.shape and not torch.equal(images.float(), batch.float())
    assert torch.equal(images, again) and torch.equal(targets, same)
    assert not torch.equal(images, act(augment, batch, seed=1)[0])
    assert torch.equal(batch, before)  # what was given is left alone
    assert images.min() >= 0 and images.max() <= 255
    assert torch.allclose(targets.sum(1), torch.ones(64))


def test_nothing_set_does_nothing(batch: Tensor) -> None:
    images, targets = act(Augment(), batch)
    assert torch.equal(images, batch) and torch.equal(targets, TARGETS)


def test_images_of_a_batch_are_drawn_apart() -> None:
    same = torch.randint(
        0, 256, (1, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    ).repeat(64, 1, 1, 1)
    images, _ = act(Augment(crop_padding=4), same)
    assert len({image.numpy().tobytes() for image in images}) > 32  # of 81 positions


def test_flip_mirrors_about_half_of_the_images(batch: Tensor) -> None:
    images, _ = act(Augment(flip=True), batch)
    mirrored = [
        torch.equal(image, given.flip(-1)) for image, given in zip(images, batch, strict=True)
    ]
    assert all(
        torch.equal(image, given)
        for image, given, is_flipped in zip(images, batch, mirrored, strict=True)
        if not is_flipped
    )
    assert 16 <= sum(mirrored) <= 48


@pytest.mark.parametrize("settings", [{"mixup_strength": 0.8}, {"cutmix_strength": 1.0}], ids=str)
def test_mixed_targets_are_mixed_as_the_images_are(
    batch: Tensor, settings: dict[str, float]
) -> None:
    images, targets = act(Augment(**settings), batch, seed=3)
    weight = float(targets[0, 0])
    assert 0 < weight < 1 and targets[0].count_nonzero() == 2
    if "mixup_strength" in settings:
        mixed = weight * batch[0].float() + (1 - weight) * batch[63].float()
        assert torch.allclose(images[0], mixed, atol=1e-2)


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each pixel and of its square, with the variance of both means."""
    values = torch.stack([images.double(), images.double() ** 2])
    return values.mean(1), values.var(1) / len(images)


def most_apart(one: Tensor, other: Tensor) -> float:
    """Largest distance of two pixels' moments, in standard deviations."""
    (mean, variance), (mean_2, variance_2) = moments(one), moments(other)
    return float(((mean - mean_2).abs() / (variance + variance_2 + 1e-9).sqrt()).max())


def test_all_together_make_the_images_that_torchvision_makes_one_by_one() -> None:
    torch.manual_seed(0)
    image = (
        torch.nn.functional.interpolate(torch.rand(1, 3, 5, 5), (16, 16), mode="bilinear") * 255
    ).byte()[0]
    policy = v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)
    one_by_one = v2.Compose(
        [
            v2.RandomCrop((16, 16), padding=4),
            v2.RandomHorizontalFlip(),
            policy,
            v2.RandomErasing(0.25),
        ]
    )
    expected = torch.stack([one_by_one(image) for _ in range(2000)])
    many = image.expand(4000, -1, -1, -1)
    settings = {"crop_padding": 4, "flip": True, "auto_augment": "cifar10", "random_erasing": 0.25}
    # of 1,536 moments, some of them correlated
    assert most_apart(Augment(**settings).each(many), expected) < 5
    for change in (
        {"crop_padding": 3},
        {"flip": False},
        {"auto_augment": "svhn"},
        {"random_erasing": 0.0},
    ):
        assert most_apart(Augment(**{**settings, **change}).each(many), expected) > 6, change


@pytest.mark.parametrize(
    "settings",
    [{"auto_augment": "cifar"}, {"random_erasing": 2.0}, {"mixup_strength": -1.0}],
    ids=str,
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(settings))}.*conf/train"):
        Augment(**settings)


def test_auto_augment_is_refused_for_inputs_without_colours():
    sensors = torch.zeros(2, 6, 1, 50, dtype=torch.uint8)
    with pytest.raises(ConfigError, match="inputs of 6 channels: it changes the colours"):
        Augment(auto_augment="randaugment").each(sensors)
