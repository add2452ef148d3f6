"""Examination of a network that was trained on real digits."""

from functools import partial
from pathlib import Path

import pytest
import torch

from lmanet.data import Mnist5k, Split
from lmanet.explain.examine import Examine
from lmanet.network import parse_architecture
from lmanet.run.folder import RunFolder
from lmanet.run.lines import read_record, read_records
from lmanet.run.results import Examination, TrainedNetwork
from lmanet.train import FullTraining, Recipe, Trainer, WarmupCosine

pytestmark = pytest.mark.slow  # trains

STAGE = {
    "block": "mbconv",
    "kernel": 3,
    "expansion": 2,
    "se_ratio": 0.0,
    "activation": "relu6",
    "skip": True,
}
STAGES = [
    {**STAGE, "channels": 16, "stride": 2, "layers": 1},
    {**STAGE, "channels": 32, "stride": 2, "layers": 2},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    data = Mnist5k(Split(val_fraction=0.1))
    optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True)
    recipe = Recipe(
        epochs=2, batch_size=64, optimizer=optimizer, schedule=WarmupCosine(0.5), accelerator="cpu"
    )
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    architecture = parse_architecture({"resolution": 32, "stem": stem, "stages": STAGES})
    FullTraining(Trainer(data, recipe), seed=0, architecture=architecture).run(RunFolder(folder))
    Examine(data).run(RunFolder(folder))
    return folder


def test_accuracy_is_that_of_the_training_and_the_confusion_has_every_digit_of_the_set(
    folder: Path,
) -> None:
    record, (trained,) = (
        read_record(folder / "examination.json", Examination),
        read_records(folder / "full.jsonl", TrainedNetwork),
    )
    assert (
        record.val_accuracy == pytest.approx(trained.score.val_accuracy, abs=1e-6)
        and record.val_accuracy > 0.8
    )
    assert [sum(row) for row in record.confusion] == [40] * 10
    assert sum(record.confusion[digit][digit] for digit in range(10)) == round(
        400 * record.val_accuracy
    )


def test_every_repetition_of_every_stage_is_skipped(folder: Path) -> None:
    record = read_record(folder / "examination.json", Examination)
    assert [(each.part, each.stand_in) for each in record.skipped] == [
        ("stage1.0", "pooled"),
        ("stage2.0", "pooled"),
        ("stage2.1", "identity"),
    ]
    for each in record.skipped:
        assert each.val_accuracy + each.accuracy_loss == pytest.approx(record.val_accuracy)
        assert each.low < each.accuracy_loss < each.high
    assert record.skipped[0].low > 0.3  # 8 channels of edges, read as 16 that were learned


def test_what_a_digit_is_known_by_lies_where_the_map_says(folder: Path) -> None:
    record = read_record(folder / "examination.json", Examination)
    assert (record.layer, record.map_size) == ("stage2.1", 4)
    assert record.deletion.images == 256 and record.deletion.low > 0.02
    right = [each for each in record.saliency if each.label == each.predicted]
    assert [each.label for each in right] == ["0", "1", "2", "3"]
