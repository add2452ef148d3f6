import multiprocessing
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lmanet.data import Augment, ImageFolder, Loading, Mnist5k, loader
from lmanet.data.loader import TrainBatches

CPU = torch.device("cpu")
AUGMENT = Augment(crop_padding=4, flip=True, auto_augment="cifar10", random_erasing=0.25)
MIXED = Augment(crop_padding=4, mixup_strength=0.4, cutmix_strength=1.0)


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "BLOCK_BYTES", 1000 * 3 * 28 * 28)


def epoch(batches: TrainBatches, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images, targets and indices of an epoch, in its order."""
    batches.set_epoch(number)
    fields = list(zip(*batches, strict=True))
    images, targets, indices = (torch.cat(each) for each in fields[:3])
    return images, targets, indices


def by_index(batches: TrainBatches, number: int) -> Tensor:
    images, _, indices = epoch(batches, number)
    return images[indices.argsort()]


def test_an_epoch_has_every_image_once_with_its_label(digits: Mnist5k) -> None:
    batches = digits.train_dataloader(64, 0, CPU)
    images, targets, indices = epoch(batches, 0)
    assert len(batches) == 50 and sorted(indices.tolist()) == list(range(3200))
    assert images.dtype == torch.uint8 and torch.equal(images, digits.train_images.images[indices])
    assert targets.dtype == torch.float32 and torch.equal(
        targets.argmax(1), digits.train_images.labels[indices]
    )
    assert torch.equal(targets.sum(1), torch.ones(3200))


def test_a_last_batch_that_is_not_full_is_left_out(digits: Mnist5k) -> None:
    batches = digits.train_dataloader(300, 0, CPU)
    assert [len(batch.images) for batch in batches] == [300] * 10 and len(batches) == 10
    assert [len(batch.images) for batch in digits.train_dataloader(5000, 0, CPU)] == [3200]


@pytest.mark.parametrize("augment", [AUGMENT, MIXED], ids=["each", "mixed"])
def test_seed_and_epoch_fix_the_epoch(digits: Mnist5k, augment: Augment) -> None:
    first = epoch(digits.train_dataloader(64, 1, CPU, augment), 2)
    for seed, number, is_same in ((1, 2, True), (1, 3, False), (2, 2, False), (2, 1, False)):
        torch.manual_seed(seed + number)  # of no account
        again = epoch(digits.train_dataloader(64, seed, CPU, augment), number)
        assert all(
            torch.equal(one, other) == is_same for one, other in zip(first, again, strict=True)
        )


def test_an_image_looks_the_same_in_batches_of_any_size(digits: Mnist5k) -> None:
    assert torch.equal(
        *(by_index(digits.train_dataloader(size, 0, CPU, AUGMENT), 1) for size in (64, 320))
    )
    images, _, indices = epoch(digits.train_dataloader(64, 0, CPU, AUGMENT), 1)
    assert (images != digits.train_images.images[indices]).flatten(1).any(1).sum() > 3000


def test_views_come_back(digits: Mnist5k) -> None:
    batches = digits.train_dataloader(64, 0, CPU, AUGMENT, views=2)
    assert torch.equal(by_index(batches, 1), by_index(batches, 3))
    assert not torch.equal(by_index(batches, 0), by_index(batches, 1))
    assert {batch.view for batch in batches} == {1}
    batches.set_epoch(4)
    assert next(iter(batches)).view == 0


def test_batches_are_mixed_each_for_itself(digits: Mnist5k) -> None:
    batches = list(digits.train_dataloader(64, 0, CPU, Augment(mixup_strength=1.0)))
    weights = [float(batch.targets.max(1).values.min()) for batch in batches]
    assert len(set(weights)) > 40 and all(batch.images.dtype == torch.float32 for batch in batches)
    batch = batches[0]

    given, labels = (
        each[batch.indices]
        for each in (digits.train_images.images.float(), digits.train_images.labels)
    )
    # MixUp mixes each image with the one before
    pairs = [i for i in range(64) if labels[i] != labels[i - 1]]
    weight = batch.targets[pairs[0], labels[pairs[0]]]
    assert torch.allclose(batch.images, weight * given + (1 - weight) * given.roll(1, 0), atol=1e-2)


def test_the_random_numbers_of_a_training_are_not_touched(digits: Mnist5k) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for _ in zip(range(30), digits.train_dataloader(64, 0, CPU, MIXED), strict=False):
        pass
    assert torch.equal(torch.rand(3), expected)


def test_images_look_the_same_read_from_files_by_a_worker_and_in_memory_without(
    folder: Path,
) -> None:
    seen, workers = [], []
    for most_bytes in (0, 10**9):
        data = ImageFolder(
            str(folder), 28, loading=Loading(max_memory_bytes=most_bytes, num_workers=1)
        )
        data.setup("fit")
        batches = iter(data.train_dataloader(8, 0, CPU, AUGMENT))
        first = next(batches)
        workers.append(len(multiprocessing.active_children()))
        seen.append([first, *batches])
    assert workers == [1, 0] and len(seen[0]) == len(seen[1]) > 3
    for one, other in zip(*seen, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one[:3], other[:3], strict=True))
    assert not multiprocessing.active_children()


def test_images_to_measure_by_come_in_their_order(digits: Mnist5k) -> None:
    for batches, images in (
        (digits.val_dataloader(300, CPU), digits.val_images),
        (digits.test_dataloader(300, CPU), digits.test_images),
    ):
        given, labels = (torch.cat(part) for part in zip(*batches, strict=True))
        assert torch.equal(given, images.images) and torch.equal(labels, images.labels)
        assert len(batches) == len(list(batches))


def test_images_are_brought_to_a_device_once(digits: Mnist5k) -> None:
    device = torch.device("meta")
    first, again = (digits.train_dataloader(64, seed, device).views.images for seed in (0, 1))
    assert first is again and first.labels.device == device
    assert digits.val_dataloader(64, device).images is digits.val_dataloader(128, device).images


def test_fewer_images_are_the_same_for_all_and_in_proportion(digits: Mnist5k) -> None:
    first, second = (digits.train_dataloader(64, seed, CPU).fewer(800) for seed in (0, 1))
    assert (
        torch.equal(first.views.images.labels, second.views.images.labels)
        and len(first.views.images) == 800
    )
    share = torch.bincount(first.views.images.labels) / torch.bincount(digits.train_images.labels)
    assert (share - 0.25).abs().max() < 0.01
    assert len(digits.train_dataloader(64, 0, CPU).fewer(5000).views.images) == 3200
