"""Distillation: the best network is trained on, with a teacher beside the labels."""

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lmanet.distill.losses import KnowledgeDistillation
from lmanet.distill.teacher_training import TeacherTraining
from lmanet.errors import ConfigError
from lmanet.results import TrainedNetwork
from lmanet.runfiles import DISTILL, FULL, append_record, by_these_settings, keep_student, read_records
from lmanet.space import architecture_id
from lmanet.space.weights import Checkpoint, load_network, save_network
from lmanet.steps import Fitter, ImageData

log = logging.getLogger(__name__)


class Distillation:
    """Stage: trains the best network of ``full.jsonl`` on from its weights, on the same training images.

    Adds a line to ``distill.jsonl`` and weights to ``distill/``; ``student.ckpt`` is then the best by validation.

    Args:
        data: of the run, divided as in all other trainings.
        seed: of order and augmentation.
        trainer: data -> trainer, by the recipe of distillation.
        teacher: (data, seed) -> the stage that makes the teacher; None trains on labels alone, to see what the teacher adds.
        loss: teacher's logits -> loss; needed where there is a teacher.
    """

    settings_id = ""

    def __init__(
        self,
        data: ImageData,
        seed: int,
        trainer: Callable[[ImageData], Fitter],
        teacher: Callable[[ImageData, int], TeacherTraining] | None = None,
        loss: partial[KnowledgeDistillation] | None = None,
    ) -> None:
        if (teacher is None) != (loss is None):
            raise ConfigError("a teacher needs a loss and a loss a teacher; set both distill.teacher and distill.loss, or both to null")
        self.data = data
        self.seed = seed
        self.trainer = trainer(data)
        self.teacher = teacher(data, seed) if teacher else None
        self.loss = loss
        if loss:
            loss(None)  # says so now if its settings do not fit

    def run(self, folder: Path) -> None:
        trained = read_records(folder / FULL, TrainedNetwork)
        if not trained:
            raise ConfigError(f"{folder} has no trained network (full.jsonl) to distil; run the stage train first")
        best = max(trained, key=lambda network: network.score.val_accuracy)
        teacher = self.teacher.source.name if self.teacher else None
        divergence = type(self.loss.keywords["divergence"]).__name__ if self.loss else None
        if not self._is_done(best, folder, teacher, divergence):
            self._distil(best, folder, teacher, divergence)
        student = keep_student(folder)
        log.info("student.ckpt is %s, validation accuracy %.2f %%", student.checkpoint, 100 * student.score.val_accuracy)

    def _is_done(self, best: TrainedNetwork, folder: Path, teacher: str | None, divergence: str | None) -> bool:
        """Whether it was distilled before, with this seed and by these settings; that is said."""
        wanted = (architecture_id(best.architecture), self.seed, teacher, divergence)
        for line in read_records(folder / DISTILL, TrainedNetwork):
            same = (architecture_id(line.architecture), line.seed, line.teacher, line.divergence) == wanted
            if same and by_these_settings(line.settings_id, self.settings_id):
                log.info("%s was distilled before, by these settings: %s stays", wanted[0], line.checkpoint)
                return True
        return False

    def _distil(self, best: TrainedNetwork, folder: Path, teacher: str | None, divergence: str | None) -> None:
        how = divergence.lower() if divergence else "no-teacher"
        identity = "-".join(filter(None, (architecture_id(best.architecture), str(self.seed), how, self.settings_id[:6])))
        self.data.setup("fit")
        losses = {"loss": self.loss(self.teacher.teach(self.trainer, self.seed, folder))} if self.teacher and self.loss else {}
        network = self.trainer.build(best.architecture, self.seed)
        network.load_state_dict(load_network(folder / best.checkpoint).network.state_dict())
        work = folder / "distill" / identity
        log.info("distillation of %s: teacher %s, divergence %s", identity, teacher or "none, labels alone", divergence or "none")
        score = self.trainer.fit(network, self.seed, folder=work, **losses)
        checkpoint = f"distill/{identity}.ckpt"
        save_network(folder / checkpoint, Checkpoint(network, self.data.classes, self.data.mean, self.data.std))
        origin = {"teacher": teacher, "divergence": divergence, "settings_id": self.settings_id}
        line = best.model_copy(update={"stage": "distill", "seed": self.seed, "score": score, "checkpoint": checkpoint, **origin})
        append_record(folder / DISTILL, line)
        shutil.rmtree(work)
        log.info("validation accuracy %.2f %% before and %.2f %% after", 100 * best.score.val_accuracy, 100 * score.val_accuracy)
