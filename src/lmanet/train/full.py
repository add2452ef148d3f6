"""Full training: the best candidates of the search, from fresh weights to the end."""

import logging
import shutil
from pathlib import Path

from lmanet.errors import ConfigError, TrainingError
from lmanet.records import Front
from lmanet.results import TrainedNetwork
from lmanet.runfiles import FRONT, FULL, append_record, keep_student, read_record, read_records, say_notices
from lmanet.space import Architecture, architecture_id, staged
from lmanet.space.weights import Checkpoint, save_network
from lmanet.train.trainer import Trainer

log = logging.getLogger(__name__)


class FullTraining:
    """Stage: trains networks to the end, a line each in ``full.jsonl``, weights in ``full/``, the best as ``student.ckpt``.

    Args:
        seed: of weights, order and augmentation.
        candidates: how many networks of ``front.json`` are trained, the most accurate first.
        architecture: train this one instead, where there was no search.
    """

    def __init__(self, trainer: Trainer, seed: int, candidates: int = 1, architecture: Architecture | None = None) -> None:
        if candidates < 1:
            raise ConfigError(f"candidates={candidates} must be at least 1, to have a network to train in full")
        self.trainer = trainer
        self.seed = seed
        self.candidates = candidates
        self.architecture = architecture

    def run(self, folder: Path) -> None:
        errors = []
        done = {(architecture_id(line.architecture), line.seed) for line in read_records(folder / FULL, TrainedNetwork)}
        for architecture in self._chosen(folder):
            if (architecture_id(architecture), self.seed) in done:
                continue
            try:
                self._train(architecture, folder)
            except TrainingError as error:  # the other candidates may do better
                log.error("full training of %s failed: %s", architecture_id(architecture), error)
                errors.append(error)
        if not read_records(folder / FULL, TrainedNetwork):
            raise errors[0]
        best = keep_student(folder)
        log.info("student.ckpt is %s, validation accuracy %.2f %%", best.checkpoint, 100 * best.score.val_accuracy)

    def _chosen(self, folder: Path) -> list[Architecture]:
        if self.architecture:
            return [self.architecture]
        try:
            front = read_record(folder / FRONT, Front)
        except FileNotFoundError:
            raise ConfigError(f"{folder} has no front.json; run the stage search first, or pass arch=") from None
        chosen = [staged(trial.architecture) for trial in front.trials[: self.candidates] if trial.architecture]
        if not chosen:
            raise ConfigError(
                f"the front in {folder} is empty, so there is nothing to train; let the search go on or loosen the target's limits"
            )
        return chosen

    def _train(self, architecture: Architecture, folder: Path) -> None:
        identity, data = architecture_id(architecture), self.trainer.data
        name = f"{identity}-{self.seed}"
        work = folder / "full" / name
        network = self.trainer.build(architecture, self.seed)
        log.info("full training of %s: %d epochs", identity, self.trainer.recipe.epochs)
        score = self.trainer.fit(network, self.seed, folder=work)
        checkpoint = f"full/{name}.ckpt"
        save_network(folder / checkpoint, Checkpoint(network, data.classes, data.mean, data.std))
        line = TrainedNetwork(stage="full", architecture=architecture, seed=self.seed, score=score, checkpoint=checkpoint)
        append_record(folder / FULL, line)
        say_notices(folder, score.notices)
        shutil.rmtree(work)
