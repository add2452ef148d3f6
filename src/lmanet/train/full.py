"""Full training: the best candidates of the search, from fresh weights to the end."""

import logging
import shutil

from lmanet.errors import ConfigError, TrainingError
from lmanet.network import Architecture
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.folder import RunFolder, by_these_settings
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id, staged
from lmanet.train.trainer import Trainer

log = logging.getLogger(__name__)


class FullTraining:
    """Stage: trains networks to the end, a line each in ``full.jsonl``, weights in ``full/``, the
    best as ``student.ckpt``.

    Args:
        seed: of weights, order and augmentation.
        candidates: how many networks of ``front.json`` are trained, the most accurate first.
        architecture: train this one instead, where there was no search.
        rank_by: quantity of a score by which the best network of the run is chosen.
    """

    settings_id = ""

    def __init__(
        self,
        trainer: Trainer,
        seed: int,
        candidates: int = 1,
        architecture: Architecture | None = None,
        rank_by: str = "val_accuracy",
    ) -> None:
        if candidates < 1:
            raise ConfigError(
                f"candidates={candidates} must be at least 1, to have a network to train in full"
            )
        if trainer.recipe.folds > 1:
            raise ConfigError(
                f"folds={trainer.recipe.folds}: a full training gives one network, of one division "
                "of the images; set train.full.recipe.folds=1"
            )
        self.trainer = trainer
        self.seed = seed
        self.candidates = candidates
        self.architecture = architecture
        self.rank_by = rank_by

    def run(self, folder: RunFolder) -> None:
        errors = []
        for architecture in self._chosen(folder):
            if self._is_done(architecture, folder):
                continue
            try:
                self._train(architecture, folder)
            except TrainingError as error:  # the other candidates may do better
                log.error("full training of %s failed: %s", architecture_id(architecture), error)
                errors.append(error)
        if errors and not folder.full.read():
            raise errors[0]
        best = folder.keep_student()
        log.info(
            "student.ckpt is %s, validation accuracy %.2f %%",
            best.checkpoint,
            100 * best.score.val_accuracy,
        )

    def _is_done(self, architecture: Architecture, folder: RunFolder) -> bool:
        """Whether it was trained before, with this seed and by these settings; what is found is
        said.
        """
        identity = architecture_id(architecture)
        lines = folder.full.read()
        before = [
            line
            for line in lines
            if (architecture_id(line.architecture), line.seed) == (identity, self.seed)
        ]
        done = [line for line in before if by_these_settings(line.settings_id, self.settings_id)]
        if done:
            log.info(
                "%s was trained in full before, by these settings: %s stays",
                identity,
                done[-1].checkpoint,
            )
        elif before:
            log.info(
                "%s was trained in full before, by other settings (%s): it is trained again",
                identity,
                before[-1].checkpoint,
            )
        return bool(done)

    def _chosen(self, folder: RunFolder) -> list[Architecture]:
        if self.architecture:
            return [self.architecture]
        front = folder.front.read()
        if front is None:
            raise ConfigError(
                f"{folder.path} has no front.json; run the stage search first, or pass arch="
            )
        chosen = [
            staged(trial.architecture)
            for trial in front.trials[: self.candidates]
            if trial.architecture
        ]
        if not chosen:
            raise ConfigError(
                f"the front in {folder.path} is empty, so there is nothing to train; let the "
                "search go on or loosen the target's limits"
            )
        return chosen

    def _train(self, architecture: Architecture, folder: RunFolder) -> None:
        identity, data = architecture_id(architecture), self.trainer.data
        name = "-".join(filter(None, (identity, str(self.seed), self.settings_id[:6])))
        work = folder.path / "full" / name
        network = self.trainer.build(architecture, self.seed)
        log.info("full training of %s: %d epochs", identity, self.trainer.recipe.epochs)
        score = self.trainer.fit(network, self.seed, folder=work)
        checkpoint = f"full/{name}.ckpt"
        save_network(
            folder.path / checkpoint, Checkpoint(network, data.classes, data.mean, data.std)
        )
        made = {
            "seed": self.seed,
            "score": score,
            "checkpoint": checkpoint,
            "settings_id": self.settings_id,
            "rank_by": self.rank_by,
        }
        folder.add_trained(TrainedNetwork(stage="full", architecture=architecture, **made))
        folder.say(score.notices)
        shutil.rmtree(work)
