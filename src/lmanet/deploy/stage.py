"""Deployment: the best trained networks in int8, verified and with files to flash; the front in the true runtimes."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lmanet.deploy.candidate import CandidateVerifier
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.fold import fold
from lmanet.deploy.graph import IntegerGraph
from lmanet.deploy.qat import QatNetwork
from lmanet.errors import ConfigError
from lmanet.records import Deployment as DeploymentRecord
from lmanet.records import Front, MeasuredCandidate, TrainedNetwork
from lmanet.runfiles import DEPLOY, FRONT, MEASURED, append_record, read_record, read_records, trained_networks
from lmanet.space import architecture_id
from lmanet.space.images import normalise, resize
from lmanet.space.weights import Checkpoint, load_network
from lmanet.steps import Fitter, ImageData

log = logging.getLogger(__name__)
ONE_POINT = 0.01


class Deployment:
    """Stage: brings the best trained networks to int8 and to the board.

    Adds a line to ``deploy.jsonl`` and a folder to ``deploy/`` for each, and to ``measured.jsonl`` a line for each network of the front.

    Args:
        data: of the run; its training images calibrate, its validation images say what int8 costs.
        seed: of fine-tuning.
        deployer: that does it.
        trainer: data -> trainer, by the recipe of quantisation-aware fine-tuning; None never fine-tunes.
        networks: how many of the trained networks, the best by validation first.
    """

    def __init__(
        self,
        data: ImageData,
        seed: int,
        deployer: Deployer,
        trainer: Callable[[ImageData], Fitter],
        networks: int = 1,
    ) -> None:
        if networks < 1:
            raise ConfigError(f"deploy.networks={networks}: at least one is needed (conf/deploy)")
        self.data = data
        self.seed = seed
        self.deployer = deployer
        self.trainer = trainer(data)
        self.networks = networks

    def run(self, folder: Path) -> None:
        self._measure_front(folder)
        done = {line.checkpoint for line in read_records(folder / DEPLOY, DeploymentRecord)}
        for trained in self._chosen(folder):
            if trained.checkpoint not in done:
                append_record(folder / DEPLOY, self._deploy(trained, folder))

    def _chosen(self, folder: Path) -> list[TrainedNetwork]:
        trained = trained_networks(folder)
        if not trained:
            raise ConfigError(f"{folder} has no trained network (full.jsonl, distill.jsonl) to deploy; run the stage train first")
        return sorted(trained, key=lambda network: -network.score.val_accuracy)[: self.networks]

    def _measure_front(self, folder: Path) -> None:
        """Each network of the front in the true runtimes, so that the report can hold the formulas against them."""
        if not (folder / FRONT).exists():
            return
        done = {architecture_id(line.architecture) for line in read_records(folder / MEASURED, MeasuredCandidate)}
        verifier = CandidateVerifier(self.data.num_classes, self.deployer.verifier)
        for trial in read_record(folder / FRONT, Front).trials:
            if trial.architecture and trial.id not in done:
                line = MeasuredCandidate(architecture=trial.architecture, measurement=verifier.measure(trial.architecture))
                append_record(folder / MEASURED, line)

    def _deploy(self, trained: TrainedNetwork, folder: Path) -> DeploymentRecord:
        checkpoint = load_network(folder / trained.checkpoint)
        inputs = self._inputs(checkpoint)
        float_accuracy = self.trainer.validate(checkpoint.network).val_accuracy
        graph = self.deployer.quantize(checkpoint, inputs)
        accuracy, epochs = self._accuracy(graph), 0
        log.info("int8 by calibration: validation accuracy %.2f %%, float %.2f %%", 100 * accuracy, 100 * float_accuracy)
        if float_accuracy - accuracy > ONE_POINT:
            tuned = self._fine_tune(checkpoint, inputs, folder)
            if (tuned_accuracy := self._accuracy(tuned)) > accuracy:
                graph, accuracy, epochs = tuned, tuned_accuracy, self.trainer.recipe.epochs
            log.info("after quantisation-aware fine-tuning: validation accuracy %.2f %%", 100 * tuned_accuracy)
        target = Path("deploy") / f"{architecture_id(trained.architecture)}-{trained.stage}"
        return self.deployer.deploy(graph, inputs, folder / target)
