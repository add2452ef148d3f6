import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lmanet.data import Cifar10, Cifar100, Split
from lmanet.errors import DataError


def test_an_archive_is_read_as_it_is(archive: Path) -> None:
    data = Cifar10(archive=str(archive), split=Split(val_fraction=0.25))
    data.setup("fit")
    data.setup("test")
    assert (len(data.train_images), len(data.val_images), len(data.test_images)) == (150, 50, 20)
    with np.load(archive) as arrays:
        assert torch.equal(
            data.test_images[7][0], torch.from_numpy(arrays["x_test"][7]).permute(2, 0, 1)
        )
        assert data.test_images.labels.tolist() == arrays["y_test"].tolist()


def test_training_leaves_the_test_images_alone(archive: Path) -> None:
    with np.load(archive) as arrays:
        np.savez(
            archive,
            x_train=arrays["x_train"],
            y_train=arrays["y_train"],
            x_test=np.zeros(0),
            y_test=np.zeros(0),
        )
    content = archive.read_bytes()
    start = content.index(b"x_test.npy")
    # whoever opens the test images fails
    archive.write_bytes(content[: start + 11] + b"\xff" * 60 + content[start + 71 :])
    data = Cifar10(archive=str(archive))
    data.setup("fit")
    assert len(data.train_images) == 180
    with pytest.raises(DataError, match=r"small.npz cannot be read as an archive"):
        data.setup("test")


def test_parts_are_joined_in_the_order_given(archive: Path, tmp_path: Path) -> None:
    with np.load(archive) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"]
    np.savez(tmp_path / "a.npz", x_train=images[:120], y_train=labels[:120])
    np.savez(tmp_path / "b.npz", x_train=images[120:], y_train=labels[120:])
    whole = Cifar10(archive=str(archive)).checksum()
    assert Cifar10(archive=[str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]).checksum() == whole
    assert Cifar10(archive=[str(tmp_path / "b.npz"), str(tmp_path / "a.npz")]).checksum() != whole


def test_the_checksum_tells_images_with_other_labels_apart(archive: Path, tmp_path: Path) -> None:
    with np.load(archive) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"]
    np.savez(tmp_path / "other.npz", x_train=images, y_train=9 - labels)
    assert (
        Cifar10(archive=str(tmp_path / "other.npz")).checksum()
        != Cifar10(archive=str(archive)).checksum()
    )


def test_the_home_folder_is_meant_by_a_tilde(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(archive.parent))
    data = Cifar10(archive="~/small.npz")
    data.setup("fit")
    assert len(data.train_images) == 180


def test_a_missing_archive_is_named() -> None:
    with pytest.raises(DataError, match=r"no archive at nowhere.npz; set data.archive"):
        Cifar10(archive="nowhere.npz").setup("fit")


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_text("no archive")
    with pytest.raises(DataError, match=r"bad.npz cannot be read as an archive"):
        Cifar10(archive=str(tmp_path / "bad.npz")).setup("fit")


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "large.npz",
        x_train=np.zeros((4, 64, 64, 3), np.uint8),
        y_train=np.zeros(4, np.uint8),
    )
    with pytest.raises(DataError, match=r"uint8 \(4, 64, 64, 3\)"):
        Cifar10(archive=str(tmp_path / "large.npz")).setup("fit")


def test_labels_beyond_the_classes_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "c.npz",
        x_train=np.zeros((4, 32, 32, 3), np.uint8),
        y_train=np.array([0, 1, 10, 99], np.uint8),
    )
    with pytest.raises(DataError, match=r"labels reach 99, legal are 0 to 9"):
        Cifar10(archive=str(tmp_path / "c.npz")).setup("fit")


def test_a_download_without_a_network_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(
        DataError,
        match=r"CIFAR-100 cannot be downloaded .*; connect to the internet, or set data.archive",
    ):
        Cifar100(root=str(tmp_path)).setup("fit")


@pytest.mark.slow
def test_the_whole_of_cifar100(cifar_archives: list[str]) -> None:
    data = Cifar100(archive=cifar_archives)
    data.setup("fit")
    assert (len(data.train_images), len(data.val_images)) == (45_000, 5_000)
    assert torch.bincount(data.val_images.labels).tolist() == [50] * 100
    pixels = data.read_train().images.permute(0, 2, 3, 1).contiguous().numpy()
    assert (
        hashlib.sha256(pixels).hexdigest()
        == "4e457917601a66aed021f5fa37957b56c6319557c0a8ed5484de3c390af45430"
    )
    assert data.classes[:3] == ("apple", "aquarium_fish", "baby")
