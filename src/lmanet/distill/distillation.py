"""Distillation: the best network is trained on, with a teacher beside the labels."""

import logging
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from lmanet.base import Notice
from lmanet.calls import Call, Engine, Here, run_calls
from lmanet.distill.logits import TeacherLogits
from lmanet.distill.losses import KnowledgeDistillation
from lmanet.distill.teacher_training import TeacherEnsemble
from lmanet.errors import ConfigError
from lmanet.files import is_damaged_zip
from lmanet.network import Architecture
from lmanet.network.build import Network
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.weights import Checkpoint, load_network, reordered, save_network
from lmanet.run.folder import RunFolder, by_these_settings, ranked
from lmanet.run.records import Score
from lmanet.run.results import TrainedNetwork, TrainedTeacher
from lmanet.space import architecture_id
from lmanet.steps import Fitter, ImageData, Loss, UnlabelledData

log = logging.getLogger(__name__)


class Lesson(NamedTuple):
    """What a student is trained with.

    Attributes:
        loss: with what the teachers say; None is labels alone.
    """

    trainer: Fitter
    data: ImageData
    loss: Loss | None


@dataclass
class Distillation:
    """Stage: trains the best network of ``full.jsonl`` on from its weights, on the same training
    images.

    Adds a line to ``distill.jsonl`` and weights to ``distill/``; ``student.ckpt`` is then the best
    by validation.

    Attributes:
        data: of the run, divided as in all other trainings.
        seed: of order and augmentation.
        trainer: data -> trainer, by the recipe of distillation.
        teacher: (data, seed) -> the stage that makes the teachers; None trains on labels alone, to
            see what a teacher adds.
        loss: teacher's logits -> loss; needed where there is a teacher.
        skip_if_worse: do nothing where the teachers are no better than the network on the
            validation images.
        folder: of the run, where it goes on: teachers that it has are not asked for before it.
        engine: who trains the student and its teachers, and asks these; None is this process.
    """

    data: ImageData
    seed: int
    trainer: Callable[[ImageData], Fitter]
    teacher: Callable[[ImageData, int], TeacherEnsemble] | None = None
    loss: partial[KnowledgeDistillation] | None = None
    skip_if_worse: bool = True
    folder: RunFolder | None = None
    engine: Engine | None = None

    settings_id = ""  # no field: the app sets it

    def __post_init__(self) -> None:
        if (self.teacher is None) != (self.loss is None):
            raise ConfigError(
                "a teacher needs a loss and a loss a teacher; set both distill.teacher and "
                "distill.loss, or both to null"
            )
        if self.loss:
            self.loss(None)  # says so now if its settings do not fit

    def require(self) -> None:
        """Find out, before a run, whether the teachers can be had.

        Raises:
            ConfigError: one of them cannot.
            DataError: the images that they are measured on are not there.
        """
        if self._teachers:
            self._refuse_unlabelled()
            self._teachers.require(self.folder)

    def run(self, folder: RunFolder) -> None:
        trained = folder.full.read()
        if not trained:
            raise ConfigError(
                f"{folder.path} has no trained network (full.jsonl) to distil; run the stage train "
                "first"
            )
        best = ranked(trained)[0]
        if not self._is_done(best, folder):
            teachers = self._teachers.measure(folder) if self._teachers else None
            if teachers and self.skip_if_worse and best.standing(teachers.score) <= best.standing():
                folder.say([_skipped(teachers, best)])
            else:
                self._distil(best, folder)
        if self._teachers and (known := folder.teacher.read()):
            folder.say(_taken_as_they_are(known))
        student = folder.keep_student()
        log.info(
            "student.ckpt is %s, validation accuracy %.2f %%",
            student.checkpoint,
            100 * student.score.val_accuracy,
        )

    def _is_done(self, best: TrainedNetwork, folder: RunFolder) -> bool:
        """Whether it was distilled before, with this seed and by these settings; that is said."""
        wanted = (architecture_id(best.architecture), self.seed, self._teacher, self._divergence)
        for line in folder.distilled.read():
            same = (
                architecture_id(line.architecture),
                line.seed,
                line.teacher,
                line.divergence,
            ) == wanted
            if same and by_these_settings(line.settings_id, self.settings_id):
                if is_damaged_zip(path := folder.path / line.checkpoint):
                    log.warning("%s is damaged: the network is distilled again", path)
                    continue
                log.info(
                    "%s was distilled before, by these settings: %s stays",
                    wanted[0],
                    line.checkpoint,
                )
                return True
        return False

    def _identity(self, best: TrainedNetwork, folder: RunFolder) -> str:
        """What its files are called; a number tells those of another teacher apart, whose weights a
        line names.
        """
        how = (self._divergence or "no-teacher").lower()
        identity = "-".join(
            filter(
                None,
                (architecture_id(best.architecture), str(self.seed), how, self.settings_id[:6]),
            )
        )
        taken = {line.checkpoint for line in folder.distilled.read()}
        names = [identity, *(f"{identity}-{number}" for number in range(2, len(taken) + 2))]
        return next(name for name in names if _checkpoint(name) not in taken)

    def _distil(self, best: TrainedNetwork, folder: RunFolder) -> None:
        identity = self._identity(best, folder)
        self.data.setup("fit")
        trainer = self.trainer(self._taught)
        said = self._said(trainer, folder)
        lesson = Lesson(trainer, self.data, self.loss(said) if said and self.loss else None)
        work, checkpoint = folder.path / "distill" / identity, folder.path / _checkpoint(identity)
        files = (folder.path / best.checkpoint, work, checkpoint)
        log.info(
            "distillation of %s: teacher %s, divergence %s",
            identity,
            self._teacher or "none, labels alone",
            self._divergence or "none",
        )
        call = Call(0, train_student, lesson, (best.architecture, self.seed, *files), files)
        with closing(self.engine or Here()) as engine:
            (returned,) = run_calls(engine, [call])
        score, renamed = returned.result()
        update = {
            "stage": "distill",
            "seed": self.seed,
            "score": score,
            "checkpoint": _checkpoint(identity),
            "teacher": self._teacher,
            "divergence": self._divergence,
            "settings_id": self.settings_id,
            "began_as": best.checkpoint,
        }
        folder.add_trained(best.model_copy(update=update))
        folder.say((*renamed, *score.notices))
        shutil.rmtree(work)
        log.info(
            "validation accuracy %.2f %% before and %.2f %% after",
            100 * best.score.val_accuracy,
            100 * score.val_accuracy,
        )

    def ask_ahead(self, folder: RunFolder) -> None:
        """Make the teachers and store what they say of the training images; `run` then finds it.

        Raises:
            ConfigError: there is no teacher.
        """
        self.require_teacher()
        self.data.setup("fit")
        self._said(self.trainer(self._taught), folder)

    def require_teacher(self) -> None:
        """Raise `ConfigError` where labels alone would teach."""
        if not self._teachers:
            raise ConfigError(
                "stage teacher has no teacher to make; choose one (distill=...), or leave the "
                "stage out"
            )

    def _said(self, trainer: Fitter, folder: RunFolder) -> TeacherLogits | None:
        return self._teachers.teach(trainer, self.seed, folder) if self._teachers else None

    @cached_property
    def _taught(self) -> ImageData:
        """What the student learns from: with a teacher also pictures without labels."""
        if self._teachers and isinstance(self.data, UnlabelledData):
            return self.data.taught()
        return self.data

    def _refuse_unlabelled(self) -> None:
        if self._taught is not self.data and (self._divergence or "").startswith("Dkd"):
            raise ConfigError(
                f"distill.loss.divergence={self._divergence} asks for the label of every picture, "
                "and those of data.unlabelled have none; take Kd or Dist"
            )

    @cached_property
    def _teachers(self) -> TeacherEnsemble | None:
        teachers = self.teacher(self.data, self.seed) if self.teacher else None
        if teachers:
            teachers.engine = self.engine
        return teachers

    @property
    def _teacher(self) -> str | None:
        return self._teachers.name if self._teachers else None

    @property
    def _divergence(self) -> str | None:
        return self.loss.keywords["divergence"].name if self.loss else None


@dataclass
class TeacherStage:
    """Stage: the teachers of a distillation and what they say, made ahead: beside a search, or for
    several runs.

    Attributes:
        distillation: whose teachers, recipe and seed they are.
    """

    distillation: Distillation

    def require(self) -> None:
        """As the distillation's, and where there is no teacher."""
        self.distillation.require_teacher()
        self.distillation.require()

    def run(self, folder: RunFolder) -> None:
        self.distillation.ask_ahead(folder)


def train_student(
    lesson: Lesson, architecture: Architecture, seed: int, *files: Path
) -> tuple[Score, tuple[Notice, ...]]:
    """Train a network on from the weights that it has, on whichever machine.

    Args:
        files: the checkpoint to start from, the folder of the state after each epoch, the
            checkpoint that is written at the end.
    """
    start, work, checkpoint = files
    trainer, data, loss = lesson
    network = trainer.build(architecture, seed)
    renamed = _start_from(start, network, data)
    score = trainer.fit(network, seed, folder=work, **({"loss": loss} if loss else {}))
    save_network(checkpoint, Checkpoint(network, data.classes, data.mean, data.std))
    return score, renamed


def _start_from(start: Path, network: Network, data: ImageData) -> tuple[Notice, ...]:
    """Give ``network`` the weights of a checkpoint; says what is off about the order of its
    classes.
    """
    before = load_network(start)
    match = match_classes(
        ClassNames(f"{start.parent.name}/{start.name}", before.classes),
        ClassNames(data.name, data.classes),
    )
    network.load_state_dict(reordered(before.network, match.places).state_dict())
    return match.notices


def _checkpoint(identity: str) -> str:
    return f"distill/{identity}.ckpt"


def _skipped(teachers: TrainedTeacher, best: TrainedNetwork) -> Notice:
    return Notice(
        kind="teacher_no_better",
        text=f"stage distill was skipped: teacher {teachers.name} has "
        f"{teachers.score.val_accuracy:.2%} on the validation images, "
        f"the network that it would teach {best.score.val_accuracy:.2%}; choose "
        "a better teacher (distill.teacher), "
        "or set distill.skip_if_worse=false",
    )


def _taken_as_they_are(teachers: TrainedTeacher) -> list[Notice]:
    """What a teacher learned of an image reaches the student by way of images like it, also where
    the student never sees that image (docs/results.md, "The record").
    """
    names = [member.name for member in teachers.networks if not member.trained]
    if not names:
        return []
    text = (
        f"{', '.join(names)} taught as trained elsewhere; where validation images were among what "
        "was learned there, the student's validation accuracy is too high as well: go by the test "
        "images."
    )
    return [Notice(kind="taught_from_elsewhere", text=text)]
