"""Examination of networks made by hand, of which it is known what each block does and what they
look at.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lmanet.data import Split
from lmanet.data.images import MemoryImages
from lmanet.data.module import ImageModule
from lmanet.errors import ConfigError
from lmanet.explain.examine import Examine
from lmanet.explain.examine.blocks import skip_blocks, stand_in
from lmanet.explain.examine.deletion import deletion_curve
from lmanet.explain.examine.saliency import grad_cam, layer_to_read
from lmanet.explain.examine.subject import Subject, parts
from lmanet.network import parse_architecture
from lmanet.network.build import Network, build
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.folder import RunFolder
from lmanet.run.lines import append_record, read_record
from lmanet.run.records import Score
from lmanet.run.results import Examination, SkippedBlock, TrainedNetwork

pytestmark = pytest.mark.slow  # trains

SIZE, QUADRANT = 32, 16
GREY, COLOURS = 128, ((255, 128, 0), (0, 128, 255))
STAGE = {
    "block": "depthwise",
    "channels": 4,
    "kernel": 3,
    "expansion": 1,
    "se_ratio": 0.0,
    "activation": "relu6",
}
STEM = {"channels": 4, "kernel": 3, "stride": 1, "activation": "relu6"}
ARCHITECTURE = parse_architecture(
    {
        "resolution": SIZE,
        "stem": STEM,
        "stages": [{**STAGE, "stride": 2, "skip": True, "layers": 2}],
    }
)
# layers with weights that are not 0
FIRST = (
    "stem.conv",
    "stage1_0.depthwise",
    "stage1_0.project",
)
ALL = 1000  # images: more than there are


class Patches(ImageModule):
    """Grey images with one quadrant in red or in blue, which is their class; every eighth bears the
    wrong label.
    """

    name, description, num_classes, classes = "patches", "patches", 2, ("red", "blue")
    mean, std = (GREY / 255,) * 3, (0.5,) * 3

    def read_train(self) -> MemoryImages:
        images = torch.full((200, 3, SIZE, SIZE), GREY, dtype=torch.uint8)
        for number, image in enumerate(images):
            row, column = quadrant(number)
            colour = torch.tensor(COLOURS[number % 2], dtype=torch.uint8)
            image[:, row : row + QUADRANT, column : column + QUADRANT] = colour.view(3, 1, 1)
        return MemoryImages(
            images, torch.tensor([number % 2 ^ (number % 8 == 7) for number in range(200)])
        )

    def divide(self, images: MemoryImages) -> tuple[MemoryImages, MemoryImages]:
        return images, images

    def read_test(self) -> MemoryImages:
        raise AssertionError("the test images were opened")

    def checksum(self) -> str:
        return ""


def quadrant(number: int) -> tuple[int, int]:
    place = number // 2 % 4
    return QUADRANT * (place // 2), QUADRANT * (place % 2)


@pytest.fixture
def data() -> Patches:
    data = Patches(Split(val_fraction=0.5))
    data.setup("fit")
    return data


def colour_reader() -> Network:
    """Says red and blue apart, wherever they are.

    Of the stem channel 0 is how red a pixel is, channel 1 how blue. The first block makes them
    change places, as the classifier expects; the second adds 0 to what it is given.
    """
    network = build(ARCHITECTURE, 2).eval()
    with torch.no_grad():
        for weight in (
            module.weight for module in network.modules() if isinstance(module, torch.nn.Conv2d)
        ):
            weight.zero_()
        stem, depthwise, project = (network.get_submodule(f"{name}.conv").weight for name in FIRST)
        stem[0, 0, 1, 1] = stem[1, 2, 1, 1] = 1
        depthwise[:, 0, 1, 1] = 1
        project[[0, 1], [1, 0]] = 1
        network.classifier.linear.linear.weight.copy_(
            torch.tensor([[0.0, 20, 0, 0], [20, 0, 0, 0]])
        )
        network.classifier.linear.linear.bias.zero_()
    return network


def subject_of(network: Network, data: Patches) -> Subject:
    return Subject(Checkpoint(network, data.classes, data.mean, data.std), data)


@pytest.fixture
def make_folder(tmp_path: Path, data: Patches) -> Callable[..., Path]:
    """A run's folder with trained networks, the last the best."""

    def make(
        network: Network,
        name: str = "a-0",
        accuracy: float = 0.5,
        classes: tuple[str, ...] = Patches.classes,
    ) -> Path:
        (tmp_path / "full").mkdir(exist_ok=True)
        save_network(
            tmp_path / "full" / f"{name}.ckpt", Checkpoint(network, classes, data.mean, data.std)
        )
        score = Score(
            val_accuracy=accuracy, val_macro_f1=accuracy, val_calibration_error=0.1, seconds=1.0
        )
        line = TrainedNetwork(
            stage="full",
            architecture=network.architecture,
            seed=0,
            score=score,
            checkpoint=f"full/{name}.ckpt",
        )
        append_record(tmp_path / "full.jsonl", line)
        RunFolder(tmp_path).keep_student()
        return tmp_path

    return make


@pytest.fixture
def examined(make_folder: Callable[..., Path], data: Patches) -> tuple[Examination, Path]:
    folder = make_folder(colour_reader())
    Examine(data).run(RunFolder(folder))
    return read_record(folder / "examination.json", Examination), folder


def test_a_block_that_adds_nothing_is_not_missed_and_one_that_changes_the_classes_is(
    examined: tuple[Examination, Path],
) -> None:
    first, second = examined[0].skipped
    assert (first.part, first.stand_in, first.val_accuracy, first.accuracy_loss) == (
        "stage1.0",
        "pooled",
        0.125,
        0.75,
    )
    assert first.low < 0.75 < first.high
    assert second == SkippedBlock(
        part="stage1.1", stand_in="identity", val_accuracy=0.875, accuracy_loss=0, low=0, high=0
    )


def test_blocks_are_skipped_on_as_many_images_as_asked_for_throughout_the_set(
    data: Patches,
) -> None:
    subject = subject_of(colour_reader(), data)
    assert subject.spread(4) == [0, 50, 100, 150] and subject.spread(ALL) == list(range(200))
    assert skip_blocks(subject, 4)[0].val_accuracy == 0  # none of these four bears the wrong label
    shown = torch.cat(list(subject.chosen([150, 0, 63, 64])))
    assert torch.equal(shown, torch.cat(list(subject.chosen(range(200))))[[0, 63, 64, 150]])


def test_what_stands_in_for_a_block_is_pooled_by_its_stride_with_channels_filled_up_or_cut() -> (
    None
):
    stages = [
        {**STAGE, "channels": channels, "stride": stride, "skip": False, "layers": 1}
        for channels, stride in ((8, 2), (4, 1))
    ]
    wider, narrower = parts(
        build(parse_architecture({"resolution": 9, "stem": None, "stages": stages}), 2)
    )[:2]
    images = torch.rand(2, 3, 9, 9)
    wide = stand_in(wider, images)
    assert wide.shape == wider(images).shape == (2, 8, 5, 5)
    assert (
        torch.allclose(wide[:, :3, 1, 4], images[:, :, 2:4, 8].mean(dim=-1))
        and not wide[:, 3:].any()
    )
    assert torch.equal(stand_in(narrower, wide), wide[:, :4])


def test_the_map_points_to_the_quadrant_that_decides(data: Patches) -> None:
    subject = subject_of(colour_reader(), data)
    numbers = list(range(8))
    maps = grad_cam(
        subject.network, torch.cat(list(subject.chosen(numbers))), subject.predicted[numbers]
    )
    for number, saliency in enumerate(maps):
        row, column = (place // 2 for place in quadrant(number))  # 16 x 16 cells
        inside = saliency[row : row + QUADRANT // 2, column : column + QUADRANT // 2]
        assert inside.min() > 0 and torch.isclose(inside.sum(), saliency.sum())


def test_deleting_what_decides_costs_more_than_deleting_at_random(
    examined: tuple[Examination, Path],
) -> None:
    deletion = examined[0].deletion
    assert 0.2 < deletion.low < deletion.area_difference < deletion.high
    assert deletion.shares == (0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1)
    assert deletion.gradcam[0] == deletion.random[0] > 0.99
    # the quadrant is gone, two classes are left
    assert deletion.gradcam[2:] == pytest.approx([0.5] * 7)
    assert (
        list(deletion.random) == sorted(deletion.random, reverse=True) and deletion.random[4] > 0.9
    )


def test_where_the_map_is_empty_its_order_is_as_good_as_any(data: Patches) -> None:
    network = colour_reader()
    with torch.no_grad():
        # a colour speaks against the other
        network.classifier.linear.linear.weight.copy_(
            torch.tensor([[-20.0, 0, 0, 0], [0, -20, 0, 0]])
        )
    deletion = deletion_curve(subject_of(network, data), ALL, seed=0)
    assert deletion.low < 0 < deletion.high < 0.01


def test_random_weights_decide_by_nothing_that_a_map_could_find(data: Patches) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        assert (
            abs(
                deletion_curve(
                    subject_of(build(ARCHITECTURE, 2).eval(), data), 64, seed=0
                ).area_difference
            )
            < 0.001
        )


def test_a_map_of_fewer_than_four_pixels_a_side_is_not_read() -> None:
    stages = [{**STAGE, "stride": 2, "skip": False, "layers": 1}] * 3
    for resolution, part in ((32, "stage3.0"), (16, "stage2.0"), (8, "stage1.0")):
        network = build(
            parse_architecture({"resolution": resolution, "stem": None, "stages": stages}), 2
        )
        assert layer_to_read(network).graph[-1].part == part


def test_the_confusion_counts_every_validation_image(examined: tuple[Examination, Path]) -> None:
    record = examined[0]
    assert record.confusion == ((100, 25), (0, 75)) and record.classes == ("red", "blue")
    assert (record.images, record.block_images, record.val_accuracy) == (200, 200, 0.875)


def test_right_and_wrong_images_are_shown_the_first_of_each_class(
    examined: tuple[Examination, Path],
) -> None:
    record, folder = examined
    kinds = [(each.label, each.predicted) for each in record.saliency]
    assert kinds == [("red", "red"), ("blue", "blue")] * 2 + [("red", "blue")] * 4
    assert sorted(path.name for path in folder.glob("examination/*/*")) == sorted(
        f"{kind}-{place}{of}.png"
        for kind in ("right", "wrong")
        for place in range(4)
        for of in ("", "-gradcam")
    )
    for place, each in enumerate(record.saliency[:4]):  # images 0 to 3
        image, overlay = (
            np.asarray(Image.open(folder / path)).astype(int) for path in (each.image, each.overlay)
        )
        row, column = (5 * (start + QUADRANT // 2) for start in quadrant(place))
        assert image.shape == overlay.shape == (160, 160, 3)
        assert (
            tuple(image[row, column]) == COLOURS[place % 2]
            and tuple(image[row - 80, column - 80]) == (GREY,) * 3
        )
        yellow, violet = (
            overlay[row, column] * 2 - image[row, column],
            overlay[row - 80, column - 80] * 2 - image[row - 80, column - 80],
        )
        assert yellow == pytest.approx([253, 231, 37], abs=4) and violet == pytest.approx(
            [68, 1, 84], abs=4
        )


def test_fewer_wrong_images_than_asked_for_are_all_shown(
    make_folder: Callable[..., Path], data: Patches
) -> None:
    folder = make_folder(colour_reader())
    Examine(data, images_shown=100).run(RunFolder(folder))
    shown = read_record(folder / "examination.json", Examination).saliency
    assert [each.label == each.predicted for each in shown] == [True] * 50 + [False] * 25


def test_a_second_run_does_nothing_until_the_student_is_another_network(
    make_folder: Callable[..., Path], examined: tuple[Examination, Path], data: Patches
) -> None:
    first, folder = examined
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("examination*")}
    Examine(data).run(RunFolder(folder))
    assert files == {path: path.stat().st_mtime_ns for path in folder.rglob("examination*")}
    make_folder(colour_reader(), "b-0", accuracy=0.6)
    Examine(data).run(RunFolder(folder))
    second = read_record(folder / "examination.json", Examination)
    assert (first.checkpoint, second.checkpoint) == ("full/a-0.ckpt", "full/b-0.ckpt")
    assert {path.parent.name for path in folder.glob("examination/*/*")} == {"b-0-full"}


def test_an_interruption_leaves_the_record_of_before_and_its_pictures(
    make_folder: Callable[..., Path],
    examined: tuple[Examination, Path],
    data: Patches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, folder = examined
    make_folder(colour_reader(), "b-0", accuracy=0.6)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("lmanet.explain.examine.examination.deletion_curve", _interrupt)
        Examine(data).run(RunFolder(folder))
    assert read_record(folder / "examination.json", Examination) == before
    assert all(
        (folder / path).is_file() for each in before.saliency for path in (each.image, each.overlay)
    )
    Examine(data).run(RunFolder(folder))
    assert read_record(folder / "examination.json", Examination).checkpoint == "full/b-0.ckpt"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_two_runs_write_the_same(examined: tuple[Examination, Path], data: Patches) -> None:
    record, folder = examined
    (folder / "examination.json").unlink()
    Examine(data).run(RunFolder(folder))
    again = read_record(folder / "examination.json", Examination)
    assert again.model_copy(update={"seconds": record.seconds}) == record


def test_what_cannot_be_examined_is_said(
    make_folder: Callable[..., Path], tmp_path: Path, data: Patches
) -> None:
    with pytest.raises(
        ConfigError, match=r"no trained network .* to examine; run the stage train first"
    ):
        Examine(data).run(RunFolder(tmp_path))
    with pytest.raises(ConfigError, match="images_shown=1 must be at least 2"):
        Examine(data, images_shown=1)
    folder = make_folder(colour_reader(), classes=("cat", "dog"))
    with pytest.raises(
        ConfigError,
        match=r"full/a-0.ckpt was trained on other classes than patches has: .*; choose its data=",
    ):
        Examine(data).run(RunFolder(folder))
