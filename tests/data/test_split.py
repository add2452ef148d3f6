import pytest
import torch

from lmanet.data.split import Split, require_images, stratified
from lmanet.errors import ConfigError, DataError

LABELS = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)


def test_each_class_is_divided_in_proportion() -> None:
    train, val = Split(val_fraction=0.2).divide(LABELS)
    assert torch.bincount(LABELS[val]).tolist() == [12, 6, 2]
    assert torch.bincount(LABELS[train]).tolist() == [48, 24, 8]
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(100))


def test_the_seed_alone_fixes_the_division() -> None:
    assert torch.equal(Split(seed=3).divide(LABELS)[1], Split(seed=3).divide(LABELS)[1])
    assert not torch.equal(Split(seed=3).divide(LABELS)[1], Split(seed=4).divide(LABELS)[1])


def test_fewer_training_images_leave_validation_as_it_is() -> None:
    train, val = Split(val_fraction=0.2, max_train_images=20).divide(LABELS)
    whole, same = Split(val_fraction=0.2).divide(LABELS)
    assert torch.equal(val, same)
    assert torch.bincount(LABELS[train]).tolist() == [12, 6, 2]
    assert set(train.tolist()) < set(whole.tolist())


def test_every_class_has_an_image_on_either_side() -> None:
    labels = torch.tensor([0] * 50 + [1] * 2)
    train, val = stratified(labels, 0.01, 0)
    assert set(labels[train].tolist()) == set(labels[val].tolist()) == {0, 1}


def test_a_class_with_one_image_is_refused_by_its_name_and_number() -> None:
    labels = torch.tensor([0, 0, 1, 2])
    with pytest.raises(
        DataError,
        match=(
            r"the class dog has 1 image in photos, and at least 2 are needed; add "
            r"some \(2 classes have"
        ),
    ):
        require_images(labels, ("cat", "dog", "cow", "none"), 2, "photos")


def test_training_images_are_reduced_although_a_class_has_but_one() -> None:
    labels = torch.tensor([0] * 10 + [1])
    assert set(labels[Split(max_train_images=4).reduce(labels, torch.arange(11))].tolist()) == {
        0,
        1,
    }


@pytest.mark.parametrize(
    "settings", [{"val_fraction": 0.0}, {"val_fraction": 1.0}, {"max_train_images": 0}]
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Split(**settings)
