import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lmanet.base import Notice
from lmanet.data import Mnist5k
from lmanet.data.images import MemoryImages
from lmanet.distill import (
    Dist,
    Distillation,
    Ensemble,
    Kd,
    KnowledgeDistillation,
    OnlineLogits,
    OnlineTeacher,
    StoredLogits,
    TeacherEnsemble,
    TeacherSource,
    TeacherStage,
    TeacherTraining,
)
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.build import draw_weights
from lmanet.network.weights import load_network, save_network
from lmanet.run.folder import RunFolder
from lmanet.run.lines import read_records
from lmanet.run.records import Job
from lmanet.run.results import TrainedNetwork, TrainedTeacher
from lmanet.steps import Batch
from lmanet.train import Classifier, FullTraining, Recipe, Task, Trainer

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def folder(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> Path:
    """A run whose full training is over."""
    FullTraining(Trainer(data, make_recipe()), seed=1, architecture=architecture).run(
        RunFolder(tmp_path)
    )
    return tmp_path


@pytest.fixture
def make_stage(
    data: Mnist5k, source: TeacherSource, make_recipe: Callable[..., Recipe]
) -> Callable[..., Distillation]:
    """Put together as conf/distill does it."""

    def make(**changes: Any) -> Distillation:
        trainer = partial(Trainer, recipe=make_recipe())
        settings: dict[str, Any] = {
            "trainer": trainer,
            "teacher": partial(
                TeacherTraining, source=source, trainer=trainer, logits=StoredLogits()
            ),
            "loss": partial(KnowledgeDistillation, divergence=Kd(10.0)),
            "skip_if_worse": False,  # these teachers are trained for seconds
        }
        return Distillation(data, 1, **{**settings, **changes})

    return make


def test_a_teacher_is_fitted_once_and_read_again(
    data: Mnist5k,
    source: TeacherSource,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    stage = TeacherTraining(
        data, 0, source, partial(Trainer, recipe=make_recipe(epochs=4)), StoredLogits()
    )
    (first,) = stage.prepare(RunFolder(tmp_path))
    record = TrainedTeacher.model_validate_json((tmp_path / "teacher.json").read_bytes())
    assert record.score.val_accuracy > 0.5  # chance is 0.1
    assert (record.name, record.trained, record.checkpoint) == ("test_resnet", True, "teacher.ckpt")
    assert (
        "teacher test_resnet (0.4M parameters, from: fresh weights) is trained on the training "
        "images"
    ) in caplog.text
    written = (tmp_path / "teacher.ckpt").stat().st_mtime_ns
    (again,) = stage.prepare(RunFolder(tmp_path))
    assert (tmp_path / "teacher.ckpt").stat().st_mtime_ns == written
    assert all(
        torch.equal(tensor, first.state_dict()[name]) for name, tensor in again.state_dict().items()
    )
    assert Trainer(data, make_recipe()).validate(again).val_accuracy == record.score.val_accuracy


def test_a_teacher_that_knows_the_classes_is_measured_and_not_trained(
    data: Mnist5k, source: TeacherSource, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    teacher, _ = source.build(data)
    torch.save(teacher.model.state_dict(), tmp_path / "mine.pth")
    given = TeacherSource(source.name, checkpoint=str(tmp_path / "mine.pth"), resolution=32)
    TeacherTraining(data, 0, given, partial(Trainer, recipe=make_recipe()), StoredLogits()).run(
        RunFolder(tmp_path)
    )
    record = json.loads((tmp_path / "teacher.json").read_text())
    assert (record["trained"], record["checkpoint"]) == (False, str(tmp_path / "mine.pth"))
    assert record["score"]["val_accuracy"] == pytest.approx(
        Trainer(data, make_recipe()).validate(teacher).val_accuracy
    )
    assert not (tmp_path / "teacher.ckpt").exists()


def test_weights_with_a_relative_path_are_found_again(
    data: Mnist5k,
    source: TeacherSource,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(source.build(data)[0].model.state_dict(), "mine.pth")
    (tmp_path / "run").mkdir()
    given = TeacherSource(source.name, checkpoint="mine.pth", resolution=32)
    stage = TeacherTraining(data, 0, given, partial(Trainer, recipe=make_recipe()), StoredLogits())
    first, again = (
        stage.prepare(RunFolder(tmp_path / "run")),
        stage.prepare(RunFolder(tmp_path / "run")),
    )
    assert torch.equal(first[0].model.fc.weight, again[0].model.fc.weight)


def test_another_teacher_in_the_same_run_is_refused(
    data: Mnist5k, source: TeacherSource, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = partial(Trainer, recipe=make_recipe(epochs=1))
    TeacherTraining(data, 0, source, trainer, StoredLogits()).run(RunFolder(tmp_path))
    with pytest.raises(
        ConfigError,
        match=r"this run's teacher is test_resnet from fresh weights, not test_vit; delete",
    ):
        TeacherTraining(data, 0, TeacherSource("test_vit"), trainer, StoredLogits()).run(
            RunFolder(tmp_path)
        )
    other = TeacherSource(source.name, checkpoint="other.pth", resolution=32)
    with pytest.raises(
        ConfigError,
        match=r"is test_resnet from fresh weights, not test_resnet from other.pth; delete",
    ):
        TeacherTraining(data, 0, other, trainer, StoredLogits()).require(RunFolder(tmp_path))
    with pytest.raises(
        ConfigError, match=r"is test_resnet, not test_resnet \+ test_resnet; delete"
    ):
        TeacherEnsemble(data, 0, [source, source], trainer, StoredLogits()).run(RunFolder(tmp_path))


def test_each_teacher_and_all_together_are_measured_once(
    data: Mnist5k,
    source: TeacherSource,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    folder: Path,
) -> None:
    """A network of ours, a model of timm that is fine-tuned, and a stop between them."""
    trainer = partial(Trainer, recipe=make_recipe())
    given = str(folder / "student.ckpt")
    with pytest.raises(ConfigError, match="no teacher at nowhere"):
        TeacherEnsemble(data, 0, [given, source, "nowhere"], trainer, StoredLogits()).run(
            RunFolder(folder)
        )
    written = (folder / "teacher_2.ckpt").stat().st_mtime_ns  # done before the third was looked for
    stage = TeacherEnsemble(data, 0, [given, source], trainer, StoredLogits())
    teachers = stage.prepare(RunFolder(folder))
    assert (folder / "teacher_2.ckpt").stat().st_mtime_ns == written and not (
        folder / "teacher"
    ).exists()
    record = TrainedTeacher.model_validate_json((folder / "teacher.json").read_bytes())
    assert record.name == f"{folder.name}/student.ckpt + test_resnet" == stage.name
    assert [(member.trained, member.checkpoint) for member in record.members] == [
        (False, given),
        (True, "teacher_2.ckpt"),
    ]
    (full,) = read_records(folder / "full.jsonl", TrainedNetwork)
    assert record.members[0].score.val_accuracy == full.score.val_accuracy
    measured = [
        stage.trainer.validate(teacher).val_accuracy for teacher in (*teachers, Ensemble(teachers))
    ]
    assert [each.score.val_accuracy for each in (*record.members, record)] == measured
    assert stage.measure(RunFolder(folder)) == record


def test_a_teacher_of_an_earlier_version_is_read(
    data: Mnist5k, source: TeacherSource, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    stage = TeacherTraining(
        data, 0, source, partial(Trainer, recipe=make_recipe(epochs=1)), StoredLogits()
    )
    (first,) = stage.prepare(RunFolder(tmp_path))
    torch.save({"state_dict": first.model.state_dict()}, tmp_path / "teacher.ckpt")
    record = json.loads((tmp_path / "teacher.json").read_text())
    del record["origin"], record["members"]
    (tmp_path / "teacher.json").write_text(json.dumps(record))
    (again,) = stage.prepare(RunFolder(tmp_path))
    assert all(
        torch.equal(tensor, first.state_dict()[name]) for name, tensor in again.state_dict().items()
    )


def of_teachers(folder: Path) -> list[Notice]:
    """What was said of teachers; the trainings here are short, which is said too."""
    return [
        notice
        for notice in read_records(folder / "notices.jsonl", Notice)
        if notice.kind.startswith("teacher")
    ]


def test_a_teacher_that_guesses_is_warned_of(
    data: Mnist5k, make_recipe: Callable[..., Recipe], architecture: Architecture, folder: Path
) -> None:
    shuffled = load_network(folder / "student.ckpt")
    torch.manual_seed(0)
    draw_weights(shuffled.network)
    save_network(folder / "untrained.ckpt", shuffled)
    stage = TeacherTraining(
        data,
        0,
        str(folder / "untrained.ckpt"),
        partial(Trainer, recipe=make_recipe()),
        StoredLogits(),
    )
    accuracy = stage.measure(RunFolder(folder)).score.val_accuracy
    (notice,) = of_teachers(folder)
    assert accuracy <= 0.12 and notice.kind == "teacher_guesses"
    assert f"has {accuracy:.2%} on the validation images, no more than guessing" in notice.text


def test_no_teacher_at_all_is_refused(data: Mnist5k, make_recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(
        ConfigError,
        match=r"there is no teacher; name one or several in distill.teacher.sources=\[...\]",
    ):
        TeacherEnsemble(data, 0, [], partial(Trainer, recipe=make_recipe()), StoredLogits())


def test_a_teacher_that_is_no_better_than_its_student_does_not_teach(
    make_stage: Callable[..., Distillation],
    make_recipe: Callable[..., Recipe],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A student of 89.4 % was distilled down to 83.0 % by a teacher of 74.5 %."""
    before = (folder / "student.ckpt").read_bytes()
    trainer = partial(Trainer, recipe=make_recipe())
    itself = partial(
        TeacherTraining, source=str(folder / "student.ckpt"), trainer=trainer, logits=StoredLogits()
    )
    for _ in range(2):
        make_stage(teacher=itself, skip_if_worse=True).run(RunFolder(folder))
    assert not (folder / "distill.jsonl").exists() and not (folder / "teacher_logits").exists()
    assert (folder / "student.ckpt").read_bytes() == before
    (notice,) = of_teachers(folder)  # once, however often the stage is run
    accuracy = read_records(folder / "full.jsonl", TrainedNetwork)[0].score.val_accuracy
    assert notice.kind == "teacher_no_better"
    assert notice.text == (
        f"stage distill was skipped: teacher {folder.name}/student.ckpt has {accuracy:.2%} on the "
        f"validation images, the network that it would teach {accuracy:.2%}; choose a better "
        "teacher (distill.teacher), or set distill.skip_if_worse=false"
    )
    assert notice.text in caplog.text
    make_stage(teacher=itself).run(RunFolder(folder))  # with skip_if_worse=false
    assert len(read_records(folder / "distill.jsonl", TrainedNetwork)) == 1


def test_a_better_teacher_teaches(
    make_stage: Callable[..., Distillation], make_recipe: Callable[..., Recipe], folder: Path
) -> None:
    full = read_records(folder / "full.jsonl", TrainedNetwork)[0]
    worse = full.model_copy(
        update={
            "score": full.score.model_copy(update={"val_accuracy": full.score.val_accuracy - 0.01})
        }
    )
    (folder / "full.jsonl").write_text(worse.model_dump_json() + "\n")
    trainer = partial(Trainer, recipe=make_recipe())
    itself = partial(
        TeacherTraining, source=str(folder / "student.ckpt"), trainer=trainer, logits=StoredLogits()
    )
    make_stage(teacher=itself, skip_if_worse=True).run(RunFolder(folder))
    assert len(read_records(folder / "distill.jsonl", TrainedNetwork)) == 1
    assert not of_teachers(folder)


def test_a_teacher_that_cannot_be_had_is_said_before_the_run(
    make_stage: Callable[..., Distillation], make_recipe: Callable[..., Recipe], folder: Path
) -> None:
    trainer = partial(Trainer, recipe=make_recipe())
    missing = partial(
        TeacherEnsemble, sources=[str(folder), "gone.ckpt"], trainer=trainer, logits=StoredLogits()
    )
    with pytest.raises(ConfigError, match=r"no teacher at gone\.ckpt"):
        make_stage(teacher=missing).require()
    make_stage(teacher=None, loss=None).require()
    make_stage().require()
    assert not (folder / "teacher.json").exists()


def test_a_run_that_has_its_teacher_needs_nothing_to_go_on(
    make_stage: Callable[..., Distillation],
    make_recipe: Callable[..., Recipe],
    folder: Path,
    tmp_path: Path,
) -> None:
    other = tmp_path / "other.ckpt"
    other.write_bytes((folder / "student.ckpt").read_bytes())
    teacher = partial(
        TeacherTraining,
        source=str(other),
        trainer=partial(Trainer, recipe=make_recipe()),
        logits=StoredLogits(),
    )
    make_stage(teacher=teacher).run(RunFolder(folder))
    other.unlink()
    make_stage(teacher=teacher, folder=RunFolder(folder)).require()
    make_stage(teacher=teacher).run(RunFolder(folder))
    assert len(read_records(folder / "distill.jsonl", TrainedNetwork)) == 1


def test_another_teacher_does_not_overwrite_the_weights_of_the_first(
    make_stage: Callable[..., Distillation],
    make_recipe: Callable[..., Recipe],
    source: TeacherSource,
    folder: Path,
) -> None:
    make_stage().run(RunFolder(folder))
    (folder / "teacher.json").unlink()
    trainer = partial(Trainer, recipe=make_recipe())
    make_stage(
        teacher=partial(
            TeacherEnsemble, sources=[source, str(folder)], trainer=trainer, logits=StoredLogits()
        )
    ).run(RunFolder(folder))
    lines = read_records(folder / "distill.jsonl", TrainedNetwork)
    assert len({line.checkpoint for line in lines}) == len({line.teacher for line in lines}) == 2
    for line in lines:
        trained = Trainer(make_stage().data, make_recipe()).validate(
            load_network(folder / line.checkpoint).network
        )
        assert trained.val_accuracy == line.score.val_accuracy


def test_distillation_starts_from_the_trained_weights_and_is_done_once(
    make_stage: Callable[..., Distillation],
    data: Mnist5k,
    make_recipe: Callable[..., Recipe],
    folder: Path,
) -> None:
    # moves no weight
    still = partial(Trainer, recipe=make_recipe(optimizer=partial(torch.optim.SGD, lr=0.0)))
    make_stage(trainer=still).run(RunFolder(folder))
    make_stage(trainer=still).run(RunFolder(folder))
    (line,) = read_records(folder / "distill.jsonl", TrainedNetwork)
    (full,) = read_records(folder / "full.jsonl", TrainedNetwork)
    assert (line.stage, line.teacher, line.architecture) == (
        "distill",
        "test_resnet",
        full.architecture,
    )
    assert (full.began_as, line.began_as) == (None, full.checkpoint)
    before, after = (load_network(folder / network.checkpoint).network for network in (full, line))
    for name, parameter in after.named_parameters():
        assert torch.equal(parameter, before.get_parameter(name)), name
    assert not list(folder.rglob("last.ckpt"))


def test_a_teacher_from_elsewhere_may_flatter_the_student_and_that_is_said(
    make_stage: Callable[..., Distillation],
    data: Mnist5k,
    source: TeacherSource,
    folder: Path,
    make_recipe: Callable[..., Recipe],
) -> None:
    def said() -> list[str]:
        known = RunFolder(folder).notices.read()
        return [each.text for each in known if each.kind == "taught_from_elsewhere"]

    make_stage().run(RunFolder(folder))
    assert said() == []  # it was trained here, on no image that validates
    for name in ("distill.jsonl", "teacher.json"):
        (folder / name).unlink()
    torch.save(source.build(data)[0].model.state_dict(), folder / "mine.pth")
    given = TeacherSource(source.name, checkpoint=str(folder / "mine.pth"), resolution=32)
    trainer = partial(Trainer, recipe=make_recipe())
    elsewhere = partial(TeacherTraining, source=given, trainer=trainer, logits=StoredLogits())
    for _ in range(2):  # also where it was distilled before, and once in all
        make_stage(teacher=elsewhere).run(RunFolder(folder))
    (text,) = said()
    assert text.startswith("test_resnet taught as trained elsewhere") and "test images" in text


def test_the_student_is_the_best_of_all_by_validation(
    make_stage: Callable[..., Distillation], folder: Path
) -> None:
    make_stage().run(RunFolder(folder))
    lines = read_records(folder / "full.jsonl", TrainedNetwork) + read_records(
        folder / "distill.jsonl", TrainedNetwork
    )
    best = max(reversed(lines), key=lambda line: line.score.val_accuracy)
    assert len(lines) == 2
    assert (folder / "student.ckpt").read_bytes() == (folder / best.checkpoint).read_bytes()
    assert set(load_network(folder / lines[1].checkpoint).network.state_dict()) == set(
        load_network(folder / lines[0].checkpoint).network.state_dict()
    )


def test_stored_logits_teach_what_an_online_teacher_does(
    make_stage: Callable[..., Distillation],
    data: Mnist5k,
    source: TeacherSource,
    make_recipe: Callable[..., Recipe],
    folder: Path,
) -> None:
    scores = []
    for logits in (StoredLogits(), OnlineLogits()):
        (folder / "distill.jsonl").unlink(missing_ok=True)
        trainer = partial(Trainer, recipe=make_recipe(epochs=3, views=2))
        teachers = partial(
            TeacherEnsemble, sources=[source, source], trainer=trainer, logits=logits
        )
        make_stage(trainer=trainer, teacher=teachers).run(RunFolder(folder))
        scores.append(read_records(folder / "distill.jsonl", TrainedNetwork)[0].score)
    stored, online = ([epoch.train_loss for epoch in score.curve] for score in scores)
    assert stored[0] == pytest.approx(online[0], rel=1e-3)
    assert stored == pytest.approx(online, rel=0.02)  # half precision shows in every step after
    assert len(list((folder / "teacher_logits").rglob("*.safetensors"))) == 2 * 2  # teachers, views


def test_without_a_teacher_labels_alone_train(
    make_stage: Callable[..., Distillation], folder: Path
) -> None:
    make_stage(teacher=None, loss=None).run(RunFolder(folder))
    make_stage().run(RunFolder(folder))
    make_stage(loss=partial(KnowledgeDistillation, divergence=Dist())).run(RunFolder(folder))
    lines = read_records(folder / "distill.jsonl", TrainedNetwork)
    assert [(line.teacher, line.divergence) for line in lines] == [
        (None, None),
        ("test_resnet", "Kd"),
        ("test_resnet", "Dist"),
    ]
    assert len({line.checkpoint for line in lines}) == 3


def test_the_teacher_is_in_no_state_and_no_optimizer(
    data: Mnist5k,
    source: TeacherSource,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
) -> None:
    teacher, _ = source.build(data)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    optimized: list[Tensor] = []

    def optimizer(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        if isinstance(
            groups[0], dict
        ):  # not the recipe's question whether it would take its settings
            optimized.extend(parameter for group in groups for parameter in group["params"])
        return torch.optim.SGD(groups, lr=0.1)

    trainer = Trainer(data, make_recipe(optimizer=optimizer))
    network, loss = (
        trainer.build(architecture, 0),
        KnowledgeDistillation(OnlineTeacher(teacher), Kd()),
    )
    classifier = Classifier(network, Task(10, data.mean, data.std), trainer.recipe, loss)
    assert set(classifier.state_dict()) == {f"network.{name}" for name in network.state_dict()}
    trainer.fit(network, 0, loss)
    assert {id(parameter) for parameter in optimized} == {
        id(parameter) for parameter in network.parameters()
    }
    assert not teacher.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())


def test_no_phase_trains_on_a_validation_image(
    data: Mnist5k,
    source: TeacherSource,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Defect 3: distillation validated on images that the student had been trained on."""
    phases: dict[str, set[bytes]] = {}
    phase = ""
    step = Classifier.training_step

    def noting(self: Classifier, batch: Batch, batch_idx: int) -> Tensor:
        phases.setdefault(phase, set()).update(image.numpy().tobytes() for image in batch.images)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", noting)
    plain = make_recipe(augment=None, epochs=1)
    trainer = partial(Trainer, recipe=plain)
    phase = "mini"
    Trainer(data, plain).train(Job(number=0, architecture=architecture, seed=0))
    phase = "full"
    FullTraining(Trainer(data, plain), seed=1, architecture=architecture).run(RunFolder(tmp_path))
    phase = "teacher"
    TeacherTraining(data, 1, source, trainer, StoredLogits()).run(RunFolder(tmp_path))
    phase = "distill"
    # another data module of the same settings, as a later start of the program makes it
    later = Mnist5k(data.split)
    teacher = partial(TeacherTraining, source=source, trainer=trainer, logits=StoredLogits())
    Distillation(
        later,
        1,
        trainer,
        teacher,
        partial(KnowledgeDistillation, divergence=Kd()),
        skip_if_worse=False,
    ).run(RunFolder(tmp_path))
    kept = {image.numpy().tobytes() for image in data.val_images.images}
    later.setup("fit")
    assert kept == {image.numpy().tobytes() for image in later.val_images.images}
    assert set(phases) == {"mini", "full", "teacher", "distill"}
    for name, images in phases.items():
        assert len(images) == 640 and not images & kept, name


def test_a_run_without_a_network_says_what_to_do(
    make_stage: Callable[..., Distillation], tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"no trained network \(full.jsonl\) to distil; run the stage train first"
    ):
        make_stage().run(RunFolder(tmp_path))


def test_a_teacher_without_a_loss_is_refused(make_stage: Callable[..., Distillation]) -> None:
    with pytest.raises(
        ConfigError, match=r"set both distill.teacher and distill.loss, or both to null"
    ):
        make_stage(loss=None)


def test_a_student_is_distilled_in_the_order_of_the_classes_that_the_data_have(
    folder: Path, make_recipe: Callable[..., Recipe], data: Mnist5k
) -> None:
    class Reversed(Mnist5k):
        """The same digits, their classes in another order."""

        classes = tuple("9876543210")

        def read_train(self) -> MemoryImages:
            digits = super().read_train()
            return MemoryImages(digits.images, 9 - digits.labels)

    # moves no weight
    still = partial(Trainer, recipe=make_recipe(optimizer=partial(torch.optim.SGD, lr=0.0)))
    Distillation(Reversed(data.split), 1, still).run(RunFolder(folder))
    (full,) = read_records(folder / "full.jsonl", TrainedNetwork)
    (line,) = read_records(folder / "distill.jsonl", TrainedNetwork)
    before, after = (load_network(folder / network.checkpoint) for network in (full, line))
    assert after.classes == before.classes[::-1]
    linear, other = (
        each.network.get_submodule("classifier.linear.linear").weight for each in (before, after)
    )
    assert torch.equal(other, linear.flip(0))


def test_a_student_of_other_classes_is_not_distilled(
    folder: Path, make_recipe: Callable[..., Recipe], data: Mnist5k
) -> None:
    class Renamed(Mnist5k):
        classes = ("zero", *"123456789")

    with pytest.raises(
        ConfigError, match="was trained on other classes than MNIST-5k has: 0 there, zero here"
    ):
        Distillation(Renamed(data.split), 1, partial(Trainer, recipe=make_recipe())).run(
            RunFolder(folder)
        )


def test_teachers_made_ahead_serve_another_run(
    make_stage: Callable[..., Distillation],
    source: TeacherSource,
    make_recipe: Callable[..., Recipe],
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ahead, trainer = tmp_path_factory.mktemp("ahead"), partial(Trainer, recipe=make_recipe())
    logits = StoredLogits(folder=str(ahead / "logits"))
    first = partial(TeacherTraining, source=source, trainer=trainer, logits=logits)
    TeacherStage(make_stage(teacher=first)).run(RunFolder(ahead))
    stored = {file: file.stat().st_mtime_ns for file in (ahead / "logits").rglob("*.safetensors")}
    assert stored and not (ahead / "distill.jsonl").exists()
    second = partial(
        TeacherTraining,
        source=source.with_weights(str(ahead / "teacher.ckpt")),
        trainer=trainer,
        logits=logits,
    )
    make_stage(teacher=second).run(RunFolder(folder))
    assert {
        file: file.stat().st_mtime_ns for file in (ahead / "logits").rglob("*.safetensors")
    } == stored
    assert read_records(folder / "distill.jsonl", TrainedNetwork)


def test_no_teacher_cannot_be_made_ahead(
    make_stage: Callable[..., Distillation], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no teacher to make"):
        TeacherStage(make_stage(teacher=None, loss=None)).run(RunFolder(tmp_path))


def test_other_settings_distil_again_and_the_same_say_what_stays(
    folder: Path, make_stage: Callable[..., Distillation], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for settings_id, lines in (("aaaaaaaaaaaa", 1), ("aaaaaaaaaaaa", 1), ("bbbbbbbbbbbb", 2)):
        stage = make_stage(teacher=None, loss=None)
        stage.settings_id = settings_id
        stage.run(RunFolder(folder))
        assert len(read_records(folder / "distill.jsonl", TrainedNetwork)) == lines
    assert caplog.text.count("was distilled before, by these settings") == 1
    first, second = read_records(folder / "distill.jsonl", TrainedNetwork)
    assert first.checkpoint != second.checkpoint and (folder / first.checkpoint).is_file()


def test_a_loss_that_cannot_work_is_said_at_the_start(
    make_stage: Callable[..., Distillation],
) -> None:
    with pytest.raises(ConfigError, match=r"kd_weight_start=-1.* must be 0 to 1"):
        make_stage(loss=partial(KnowledgeDistillation, divergence=Kd(10.0), kd_weight_start=-1))
