"""Fine-tuning of the teacher on the training images, where it does not know the classes yet."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from lmanet.distill.logits import LogitsOption, TeacherLogits
from lmanet.distill.teacher import Teacher, TeacherSource
from lmanet.errors import ConfigError
from lmanet.records import Score
from lmanet.results import TrainedTeacher
from lmanet.runfiles import TEACHER, read_record, write_record
from lmanet.steps import Fitter, ImageData

log = logging.getLogger(__name__)
WEIGHTS = "teacher.ckpt"


class TeacherTraining:
    """Stage: makes a teacher that knows the classes; ``teacher.json`` says how good it is, ``teacher.ckpt`` holds what was trained.

    Args:
        data: whose training images are used, divided as for the students.
        seed: of a new classifier, of order and augmentation.
        source: the teacher to begin with.
        trainer: data -> trainer, by the teacher's recipe.
        logits: how a student comes by what the teacher says.
    """

    def __init__(
        self, data: ImageData, seed: int, source: TeacherSource, trainer: Callable[[ImageData], Fitter], logits: LogitsOption
    ) -> None:
        self.data = data
        self.seed = seed
        self.source = source
        self.trainer = trainer(data)
        self.logits = logits

    def run(self, folder: Path) -> None:
        self.prepare(folder)

    def teach(self, student: Fitter, seed: int, folder: Path) -> TeacherLogits:
        """The logits of the run's teacher for the training that ``student.fit`` does with that seed."""
        return self.logits.of(self.prepare(folder), self.data, student, seed, folder)

    def prepare(self, folder: Path) -> Teacher:
        """The teacher of a run, trained if that has not been done."""
        self.data.setup("fit")
        if (folder / TEACHER).is_file():
            return self._again(folder)
        torch.manual_seed(self.seed)
        teacher, fitted = self.source.build(self.data)
        score = self.trainer.validate(teacher) if fitted else self._train(teacher, folder)
        record = TrainedTeacher(
            name=self.source.name,
            checkpoint=str(self.source.checkpoint) if fitted else WEIGHTS,
            parameters=sum(parameter.numel() for parameter in teacher.parameters()),
            trained=not fitted,
            score=score,
        )
        write_record(folder / TEACHER, record)
        shutil.rmtree(folder / "teacher", ignore_errors=True)
        log.info("teacher %s: validation accuracy %.2f %%", self.source.name, 100 * score.val_accuracy)
        return teacher

    def _train(self, teacher: Teacher, folder: Path) -> Score:
        millions = sum(parameter.numel() for parameter in teacher.parameters()) / 1e6
        begin = (
            "fine-tuned from its weights" if self.source.pretrained or self.source.checkpoint else "fitted on the spot from fresh weights"
        )
        log.info("teacher %s (%.1fM parameters) is %s on the training images of %s", self.source.name, millions, begin, self.data.name)
        score = self.trainer.fit(teacher, self.seed, folder=folder / "teacher")
        partial = folder / f"{WEIGHTS}.partial"
        torch.save({"state_dict": teacher.model.state_dict()}, partial)
        partial.replace(folder / WEIGHTS)
        return score

    def _again(self, folder: Path) -> Teacher:
        record = read_record(folder / TEACHER, TrainedTeacher)
        if record.name != self.source.name:
            raise ConfigError(f"this run's teacher is {record.name}, not {self.source.name}; delete {folder / TEACHER} to change it")
        checkpoint = str(folder / record.checkpoint)  # an absolute path stays as it is
        return replace(self.source, checkpoint=checkpoint, pretrained=False).build(self.data)[0]
