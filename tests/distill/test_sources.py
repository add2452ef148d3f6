"""Teachers of our own kind: networks of earlier runs and published ones."""

import os
from pathlib import Path

import pytest
import torch

from lmanet.data import Cifar100, Mnist5k
from lmanet.distill import NetworkSource, PublishedSource
from lmanet.distill.sources import Source
from lmanet.errors import ConfigError
from lmanet.network import Architecture, load_architecture
from lmanet.network.build import Network, build
from lmanet.network.weights import Checkpoint, save_network

pytestmark = pytest.mark.slow  # trains

MEAN, STD = (0.2, 0.3, 0.4), (0.1, 0.2, 0.3)


@pytest.fixture
def network(architecture: Architecture) -> Network:
    torch.manual_seed(0)
    return build(architecture, 10).eval()


def save(path: Path, network: Network, classes: tuple[str, ...]) -> Path:
    path.parent.mkdir(exist_ok=True)
    save_network(path, Checkpoint(network, classes, MEAN, STD))
    return path


def test_a_run_teaches_with_its_own_size_and_normalisation(
    data: Mnist5k, network: Network, tmp_path: Path
) -> None:
    save(tmp_path / "run" / "student.ckpt", network, data.classes)
    pixels = torch.rand(4, 3, 32, 32)  # of the architecture's size, so that nothing is resized
    own = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    theirs = (pixels - torch.tensor(data.mean).view(3, 1, 1)) / torch.tensor(data.std).view(3, 1, 1)
    for path in (tmp_path / "run", tmp_path / "run" / "student.ckpt"):
        teacher, fitted = NetworkSource(str(path)).build(data)
        assert fitted
        torch.testing.assert_close(teacher(theirs), network(own), rtol=1e-4, atol=1e-5)
    assert NetworkSource(str(tmp_path / "run")).build(data)[0](torch.zeros(1, 3, 28, 28)).shape == (
        1,
        10,
    )


def test_a_teacher_whose_classes_stand_in_another_order_is_read_by_name(
    data: Mnist5k, network: Network, tmp_path: Path
) -> None:
    images = torch.randn(4, 3, 32, 32)
    said = [
        NetworkSource(str(save(tmp_path / f"{number}.ckpt", network, classes))).build(data)[0](
            images
        )
        for number, classes in enumerate((data.classes, data.classes[::-1]))
    ]
    torch.testing.assert_close(said[1], said[0].flip(1))


def test_a_teacher_of_other_classes_is_refused_by_name(
    data: Mnist5k, network: Network, tmp_path: Path
) -> None:
    path = save(tmp_path / "a" / "letters.ckpt", network, (*"012345678", "ten"))
    with pytest.raises(
        ConfigError,
        match=(
            r"teacher a/letters.ckpt was trained on other classes than MNIST-5k "
            r"has: ten there, 9 here"
        ),
    ):
        NetworkSource(str(path)).require(data)


def test_a_published_network_of_other_classes_is_refused(data: Mnist5k, tmp_path: Path) -> None:
    network, path = build(load_architecture("qwnet_core"), 100), tmp_path / "theirs.pth"
    own = network.state_dict()
    names = [*list(own)[:-2], "classifier.weight", "classifier.bias"]  # as in their code
    torch.save(dict(zip(names, own.values(), strict=True)), path)
    with pytest.raises(
        ConfigError,
        match="teacher theirs tells 100 classes apart, MNIST-5k has 10; choose another teacher",
    ):
        PublishedSource(str(path), "qwnet_core").require(data)
    with pytest.raises(
        ConfigError,
        match=r"no teacher at .*theirs.pth: .* does not hold the weights of this architecture",
    ):
        PublishedSource(str(path), "lmanet_core").require(data)


def test_a_teacher_that_is_not_there_is_named(data: Mnist5k, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.ckpt").write_text("no weights")
    text = str(tmp_path / "text.ckpt")
    sources: tuple[Source, ...] = (
        *(NetworkSource(str(tmp_path / "empty")), NetworkSource(text)),
        *(
            PublishedSource(str(tmp_path / "x.pth"), "lmanet_elite"),
            PublishedSource(text, "nonsense"),
        ),
    )
    for source in sources:
        with pytest.raises(ConfigError, match=r"^no teacher at .*; correct distill.teacher$"):
            source.require(data)


@pytest.mark.parametrize(
    ("weights", "arch"),
    [
        ("vit_LMaNet_elite", "lmanet_elite"),
        ("vit_LMaNet-Core", "lmanet_core"),
        ("vit_QwNet-Core", "qwnet_core"),
    ],
)
def test_a_published_network_says_what_is_published_of_it(weights: str, arch: str) -> None:
    if "LMANET_DATA" not in os.environ:
        pytest.skip(
            "LMANET_DATA is not set: it names the folder with the published weights and CIFAR-100"
        )
    folder = Path(os.environ["LMANET_DATA"])
    data = Cifar100(archive=str(folder / "data" / "cifar100_2500.npz"))
    data.setup("test")
    teacher, fitted = PublishedSource(
        str(folder / "reference" / "lmanet" / f"{weights}.pth"), arch
    ).build(data)
    images, labels = next(iter(data.test_dataloader(100)))
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (data.mean, data.std))
    with torch.no_grad():
        said = teacher.eval()((images / 255 - mean) / std)
    assert fitted and (said.argmax(1) == labels).float().mean() > 0.6  # 73 to 75 % of all
