import json
import logging
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lmanet.base import Notice
from lmanet.data import Cifar100, Mnist5k, Split
from lmanet.data.images import MemoryImages
from lmanet.errors import ConfigError, HistoryError
from lmanet.network import Architecture, load_architecture
from lmanet.network.build import build
from lmanet.network.images import fit
from lmanet.network.weights import Checkpoint, load_network, save_network
from lmanet.run.folder import FULL, NOTICES, RunFolder
from lmanet.run.lines import append_record, read_records
from lmanet.run.records import Front, Proposal, Score, Status, Trial, Verdict
from lmanet.run.results import Evaluation as EvaluationRecord
from lmanet.run.results import TrainedNetwork
from lmanet.train import Evaluation, FullTraining, Recipe, Trainer, WarmupCosine

pytestmark = pytest.mark.slow  # trains

SPLIT = Split(val_fraction=0.1, max_train_images=640)


def wider(architecture: Architecture, channels: int) -> Architecture:
    last = architecture.stages[-1].model_copy(update={"channels": channels})
    return architecture.model_copy(update={"stages": (*architecture.stages[:-1], last)})


def write_front(folder: Path, architectures: Iterable[Architecture]) -> None:
    score = Score(val_accuracy=0.5, val_macro_f1=0.5, val_calibration_error=0.1, seconds=1.0)
    trials = tuple(
        Trial(
            number=number,
            status=Status.TRAINED,
            proposal=Proposal(proposer="test", architecture=architecture),
            verdict=Verdict(accepted=True),
            score=score,
            seed=0,
            started_at="2026-01-01T00:00:00Z",
            seconds=1.0,
            elapsed_seconds=1.0,
        )
        for number, architecture in enumerate(architectures)
    )
    (folder / "front.json").write_text(Front(hypervolume=0.5, trials=trials).model_dump_json())


@pytest.fixture
def trainer(data: Mnist5k, make_recipe: Callable[..., Recipe]) -> Trainer:
    return Trainer(data, make_recipe(epochs=2))


def test_the_first_of_the_front_are_trained_and_the_best_is_the_student(
    trainer: Trainer, architecture: Architecture, tmp_path: Path
) -> None:
    architectures = [architecture, wider(architecture, 8), wider(architecture, 16)]
    write_front(tmp_path, architectures)
    FullTraining(trainer, seed=1, candidates=2).run(RunFolder(tmp_path))
    lines = read_records(tmp_path / "full.jsonl", TrainedNetwork)
    assert [line.architecture for line in lines] == architectures[:2]
    best = max(lines, key=lambda line: line.score.val_accuracy)
    assert (tmp_path / "student.ckpt").read_bytes() == (tmp_path / best.checkpoint).read_bytes()
    student = load_network(tmp_path / "student.ckpt")
    assert (student.network.architecture, student.classes) == (
        best.architecture,
        tuple("0123456789"),
    )
    # the weights are those that were scored
    assert trainer.validate(student.network).val_accuracy == best.score.val_accuracy
    assert not list(tmp_path.rglob("last.ckpt"))


def test_a_donor_is_on_record(
    data: Mnist5k, make_recipe: Callable[..., Recipe], architecture: Architecture, tmp_path: Path
) -> None:
    network = build(architecture, 10)
    save_network(
        tmp_path / "other.ckpt", Checkpoint(network, tuple("0123456789"), data.mean, data.std)
    )
    donor = str(tmp_path / "other.ckpt")
    for seed, trainer in enumerate(
        (Trainer(data, make_recipe(epochs=1)), Trainer(data, make_recipe(epochs=1), donor=donor))
    ):
        FullTraining(trainer, seed, architecture=architecture).run(RunFolder(tmp_path))
    assert [line.began_as for line in RunFolder(tmp_path).full.read()] == [None, "other.ckpt"]


def test_what_was_trained_is_not_trained_again(
    trainer: Trainer, architecture: Architecture, tmp_path: Path
) -> None:
    FullTraining(trainer, seed=1, architecture=architecture).run(RunFolder(tmp_path))
    files = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.rglob("*.ckpt")
        if path.name != "student.ckpt"
    }
    line = (tmp_path / "full.jsonl").read_bytes()
    with (tmp_path / "full.jsonl").open("ab") as file:
        file.write(b'{"stage": "full", "archi')  # a kill cut this one off
    FullTraining(trainer, seed=1, architecture=architecture).run(RunFolder(tmp_path))
    assert files == {path: path.stat().st_mtime_ns for path in files}
    FullTraining(trainer, seed=2, architecture=architecture).run(RunFolder(tmp_path))
    assert [
        json.loads(text)["seed"] for text in (tmp_path / "full.jsonl").read_text().splitlines()
    ] == [1, 2]
    assert (tmp_path / "full.jsonl").read_bytes().startswith(line)


def test_other_settings_train_again_and_the_same_say_what_stays(
    data: Mnist5k,
    make_recipe: Callable[..., Recipe],
    architecture: Architecture,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    def train(settings_id: str) -> list[TrainedNetwork]:
        stage = FullTraining(
            Trainer(data, make_recipe(epochs=1)), seed=1, architecture=architecture
        )
        stage.settings_id = settings_id
        stage.run(RunFolder(tmp_path))
        return read_records(tmp_path / "full.jsonl", TrainedNetwork)

    (first,) = train("aaaaaaaaaaaa")
    weights = (tmp_path / first.checkpoint).read_bytes()
    assert train("aaaaaaaaaaaa") == [first]
    assert f"was trained in full before, by these settings: {first.checkpoint} stays" in caplog.text
    _, second = train("bbbbbbbbbbbb")
    assert "by other settings" in caplog.text and second.settings_id == "bbbbbbbbbbbb"
    assert (
        second.checkpoint != first.checkpoint
        and (tmp_path / first.checkpoint).read_bytes() == weights
    )
    old = first.model_copy(update={"settings_id": "", "seed": 1})
    (tmp_path / "full.jsonl").write_text(old.model_dump_json() + "\n")
    assert train("cccccccccccc") == [old], "a line of a run that kept no settings counts as done"


def test_a_checkpoint_with_other_contents_is_measured_again(
    trainer: Trainer, architecture: Architecture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def measure(settings_id: str) -> int:
        stage = Evaluation(trainer, checkpoint=tmp_path / "given.ckpt")
        stage.settings_id = settings_id
        stage.run(RunFolder(tmp_path))
        return len(read_records(tmp_path / "test.jsonl", EvaluationRecord))

    def save(seed: int) -> None:
        network = trainer.build(architecture, seed)
        save_network(
            tmp_path / "given.ckpt",
            Checkpoint(network, trainer.data.classes, trainer.data.mean, trainer.data.std),
        )

    save(0)
    assert [measure("data"), measure("data")] == [
        1,
        1,
    ] and "was measured on these test images before" in caplog.text
    save(1)
    assert measure("data") == 2, "the file holds other weights"
    assert measure("other data") == 3


def test_a_run_without_a_front_says_what_to_do(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no front.json; run the stage search first, or pass arch="
    ):
        FullTraining(trainer, seed=1).run(RunFolder(tmp_path))
    write_front(tmp_path, [])
    with pytest.raises(ConfigError, match=r"is empty, so there is nothing to train"):
        FullTraining(trainer, seed=1).run(RunFolder(tmp_path))


def test_a_broken_line_is_named(
    trainer: Trainer, architecture: Architecture, tmp_path: Path
) -> None:
    (tmp_path / "full.jsonl").write_text('{"stage": "full"}\n')
    with pytest.raises(HistoryError, match=r"full.jsonl, line 1 holds no TrainedNetwork"):
        FullTraining(trainer, seed=1, architecture=architecture).run(RunFolder(tmp_path))


def test_evaluation_opens_the_test_images_once_for_each_network(
    trainer: Trainer, architecture: Architecture, tmp_path: Path
) -> None:
    FullTraining(trainer, seed=1, architecture=architecture).run(RunFolder(tmp_path))
    Evaluation(trainer).run(RunFolder(tmp_path))
    Evaluation(trainer).run(RunFolder(tmp_path))
    (line,) = read_records(tmp_path / "test.jsonl", EvaluationRecord)
    assert (line.stage, line.images, line.architecture) == ("full", 1000, architecture)
    data = trainer.data
    network = load_network(tmp_path / line.checkpoint).network
    images = fit(data.test_images.images, 32).float() / 255
    with torch.no_grad():
        logits = network((images - data.mean[0]) / data.std[0])
    right = float((logits.argmax(1) == data.test_images.labels).float().mean())
    assert line.test_accuracy == pytest.approx(right, abs=1e-6)
    assert line.thresholds is None, "the classes are of one size"


def test_a_network_for_other_classes_is_refused(
    trainer: Trainer, architecture: Architecture, tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    FullTraining(trainer, seed=1, architecture=architecture).run(RunFolder(tmp_path))
    other = Trainer(Cifar100(archive="unused.npz"), make_recipe())
    with pytest.raises(ConfigError, match=r"tells 10 classes apart, CIFAR-100 has 100"):
        Evaluation(other, tmp_path / "student.ckpt").run(RunFolder(tmp_path))
    with pytest.raises(ConfigError, match=r"pass checkpoint= as well"):
        Evaluation(trainer, architecture=architecture)


class Reversed(Mnist5k):
    """The same digits, their classes in another order."""

    classes = tuple("9876543210")

    def read_train(self) -> MemoryImages:
        return _reversed(super().read_train())

    def read_test(self) -> MemoryImages:
        return _reversed(super().read_test())


def _reversed(images: MemoryImages) -> MemoryImages:
    return MemoryImages(images.images, 9 - images.labels)


class Renamed(Mnist5k):
    classes = ("zero", *"123456789")


@pytest.fixture(scope="module")
def trained(architecture: Architecture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one trained network."""
    folder = tmp_path_factory.mktemp("trained")
    optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True)
    recipe = Recipe(
        epochs=2, batch_size=32, optimizer=optimizer, schedule=WarmupCosine(0.5), accelerator="cpu"
    )
    FullTraining(Trainer(Mnist5k(SPLIT), recipe), seed=1, architecture=architecture).run(
        RunFolder(folder)
    )
    return folder


def evaluated(
    data: Mnist5k, make_recipe: Callable[..., Recipe], checkpoint: Path, folder: Path
) -> EvaluationRecord:
    folder.mkdir(exist_ok=True)
    Evaluation(Trainer(data, make_recipe()), checkpoint).run(RunFolder(folder))
    return read_records(folder / "test.jsonl", EvaluationRecord)[-1]


def test_data_whose_classes_sort_otherwise_are_evaluated_by_name(
    trained: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    before = evaluated(
        Mnist5k(SPLIT), make_recipe, trained / "student.ckpt", tmp_path / "as trained"
    )
    after = evaluated(Reversed(SPLIT), make_recipe, trained / "student.ckpt", tmp_path / "reversed")
    assert before.test_accuracy > 0.3  # by place it would be near chance
    assert after.test_accuracy == before.test_accuracy and not after.notices


def test_data_whose_classes_have_other_names_are_refused(
    trained: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"was trained on other classes than MNIST-5k has: 0 there, zero here"
    ):
        evaluated(Renamed(SPLIT), make_recipe, trained / "student.ckpt", tmp_path)


def test_a_network_that_takes_all_test_images_for_one_class_is_said_to(
    trained: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    checkpoint = load_network(trained / "student.ckpt")
    for parameter in checkpoint.network.parameters():
        torch.nn.init.zeros_(parameter)
    save_network(tmp_path / "dead.ckpt", checkpoint)
    line = evaluated(Mnist5k(SPLIT), make_recipe, tmp_path / "dead.ckpt", tmp_path)
    assert [notice.kind for notice in line.notices] == ["one_class"]
    assert "every one of the 1,000 test images is taken for the class 0" in line.notices[0].text
    assert read_records(tmp_path / NOTICES, Notice) == list(line.notices)


def test_of_two_networks_that_are_equal_the_later_is_evaluated(
    trained: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    (line,) = read_records(trained / FULL, TrainedNetwork)
    for name in ("first.ckpt", "second.ckpt"):
        (tmp_path / name).write_bytes((trained / line.checkpoint).read_bytes())
        append_record(tmp_path / FULL, line.model_copy(update={"checkpoint": name}))
    Evaluation(Trainer(Mnist5k(SPLIT), make_recipe())).run(RunFolder(tmp_path))
    assert [
        each.checkpoint for each in read_records(tmp_path / "test.jsonl", EvaluationRecord)
    ] == ["second.ckpt"]


def test_evaluation_without_a_network_says_what_to_do(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"no trained network .* to evaluate; run the stage train first, or pass checkpoint=",
    ):
        Evaluation(trainer).run(RunFolder(tmp_path))


def test_published_weights_keep_their_accuracy(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    """On 100 test images, for time; the whole test set is measured in docs/results.md."""
    if "LMANET_DATA" not in os.environ:
        pytest.skip(
            "LMANET_DATA is not set: it names the folder with the published weights and CIFAR-100"
        )
    folder = Path(os.environ["LMANET_DATA"])
    with np.load(folder / "data" / "cifar100_2500.npz") as arrays:
        part: dict[str, Any] = {
            name: arrays[name][::5] for name in ("x_test", "y_test", "x_train", "y_train")
        }
    np.savez(tmp_path / "part.npz", **part)
    weights = folder / "reference" / "lmanet" / "vit_QwNet-Core.pth"
    trainer = Trainer(Cifar100(archive=str(tmp_path / "part.npz")), make_recipe())
    Evaluation(trainer, weights, load_architecture("qwnet_core")).run(RunFolder(tmp_path))
    (line,) = read_records(tmp_path / "test.jsonl", EvaluationRecord)
    assert (line.images, line.stage) == (100, "checkpoint")
    assert line.test_accuracy > 0.6  # 0.73 on all; three standard errors of 100 images are 0.13


def test_a_line_is_added_in_place_of_one_that_was_cut_off(
    architecture: Architecture, tmp_path: Path
) -> None:
    score = Score(val_accuracy=0.5, val_macro_f1=0.5, val_calibration_error=0.1, seconds=1.0)
    record = TrainedNetwork(
        stage="full", architecture=architecture, seed=1, score=score, checkpoint="a.ckpt"
    )
    path = tmp_path / "lines.jsonl"
    append_record(path, record)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert read_records(path, TrainedNetwork) == [record]
    append_record(path, record)
    assert path.read_bytes() == whole + whole


def test_unequal_classes_get_thresholds_from_validation_images_beside_the_largest_logit(
    trained: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    (line,) = read_records(trained / FULL, TrainedNetwork)
    (tmp_path / "one.ckpt").write_bytes((trained / line.checkpoint).read_bytes())
    append_record(tmp_path / FULL, line.model_copy(update={"checkpoint": "one.ckpt"}))
    data = Mnist5k(SPLIT)
    data.setup("fit")
    data.setup("test")
    labels = data.test_images.labels
    rare = (labels == 3).nonzero().flatten()[20:]
    kept = torch.ones(len(labels), dtype=torch.bool).index_fill(0, rare, False)
    data._sets["test"] = MemoryImages(data.test_images.images[kept], labels[kept])
    Evaluation(Trainer(data, make_recipe())).run(RunFolder(tmp_path))
    (test,) = read_records(tmp_path / "test.jsonl", EvaluationRecord)
    found = test.thresholds
    assert found is not None and found.val_images == len(data.val_images.labels)
    network = load_network(tmp_path / "one.ckpt").network
    images = (fit(data.test_images.images, 32).float() / 255 - data.mean[0]) / data.std[0]
    with torch.no_grad():
        predicted = (network(images) + torch.tensor(found.added)).argmax(1)
    right = predicted == data.test_images.labels
    assert found.test_accuracy == pytest.approx(float(right.float().mean()), abs=2e-3)
    assert sum(found.right) == pytest.approx(int(right.sum()), abs=2)
