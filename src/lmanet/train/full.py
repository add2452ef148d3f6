"""Full training: the best candidates of the search, from fresh weights to the end."""

import logging
import shutil
from contextlib import closing
from pathlib import Path

from lmanet.calls import Call, Engine, Here, run_calls
from lmanet.errors import ConfigError, TrainingError
from lmanet.files import is_damaged_zip
from lmanet.network import Architecture
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.folder import RunFolder, by_these_settings
from lmanet.run.records import Score
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

    Attributes:
        engine: who trains.
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
        self.engine: Engine = Here()

    def run(self, folder: RunFolder) -> None:
        errors = []
        todo = [each for each in self._chosen(folder) if not self._is_done(each, folder)]
        calls = [self._call(number, todo[number], folder) for number in range(len(todo))]
        with closing(self.engine):
            for returned in run_calls(self.engine, calls):
                architecture = todo[returned.number]
                try:
                    self._keep(architecture, returned.result(), folder)
                except TrainingError as error:  # the other candidates may do better
                    identity = architecture_id(architecture)
                    log.error("full training of %s failed: %s", identity, error)
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
        if done and is_damaged_zip(path := folder.path / done[-1].checkpoint):
            log.warning("%s is damaged: the network is trained in full again", path)
            return False
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

    def _name(self, architecture: Architecture) -> str:
        """What its files in ``full/`` are called."""
        identity = architecture_id(architecture)
        return "-".join(filter(None, (identity, str(self.seed), self.settings_id[:6])))

    def _call(self, number: int, architecture: Architecture, folder: RunFolder) -> Call:
        work = folder.path / "full" / self._name(architecture)
        files = (work, work.with_name(f"{work.name}.ckpt"))
        log.info(
            "full training of %s: %d epochs",
            architecture_id(architecture),
            self.trainer.recipe.epochs,
        )
        return Call(number, train_in_full, self.trainer, (architecture, self.seed, *files), files)

    def _keep(self, architecture: Architecture, score: Score, folder: RunFolder) -> None:
        name = self._name(architecture)
        made = {
            "seed": self.seed,
            "score": score,
            "checkpoint": f"full/{name}.ckpt",
            "settings_id": self.settings_id,
            "rank_by": self.rank_by,
            "began_as": self.trainer.donor_name,
        }
        folder.add_trained(TrainedNetwork(stage="full", architecture=architecture, **made))
        folder.say(score.notices)
        shutil.rmtree(folder.path / "full" / name)


def train_in_full(
    trainer: Trainer, architecture: Architecture, seed: int, work: Path, checkpoint: Path
) -> Score:
    """Train a network from fresh weights to the end of the recipe, on whichever machine.

    Args:
        work: folder of the state after each epoch.
        checkpoint: is written at the end.
    """
    network, data = trainer.build(architecture, seed), trainer.data
    score = trainer.fit(network, seed, folder=work)
    save_network(checkpoint, Checkpoint(network, data.classes, data.mean, data.std))
    return score
