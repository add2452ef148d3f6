"""Deployment: the best trained network in int8, verified and with files to flash; the front in the true runtimes."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lmanet.deploy.board import Board
from lmanet.deploy.candidate import CandidateVerifier
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.fold import fold
from lmanet.deploy.graph import IntegerGraph
from lmanet.deploy.int8_network import int8_network
from lmanet.deploy.qat import QatNetwork
from lmanet.deploy.settings import Settings
from lmanet.errors import ConfigError
from lmanet.notices import int8_differs
from lmanet.records import Front
from lmanet.results import Deployment as DeploymentRecord
from lmanet.results import MeasuredCandidate, TrainedNetwork
from lmanet.runfiles import DEPLOY, FRONT, MEASURED, append_record, ranked, read_record, read_records, say_notices, trained_networks
from lmanet.space import architecture_id, staged
from lmanet.space.classes import ClassNames, require_same_order
from lmanet.space.images import normalise, resize
from lmanet.space.network import watched
from lmanet.space.weights import Checkpoint, load_network
from lmanet.steps import Fitter, ImageData

log = logging.getLogger(__name__)


class Deployment:
    """Stage: brings the best trained network to int8 and to the board.

    Adds a line to ``deploy.jsonl`` and a folder to ``deploy/``, and to ``measured.jsonl`` a line for each network of the front.

    Args:
        data: of the run; its training images calibrate, its validation images say what int8 costs.
        seed: of fine-tuning.
        target: the board.
        trainer: data -> trainer, by the recipe of quantisation-aware fine-tuning.
        settings: calibration and tools.
    """

    def __init__(self, data: ImageData, seed: int, target: Board, trainer: Callable[[ImageData], Fitter], settings: Settings) -> None:
        self.data = data
        self.seed = seed
        self.trainer = trainer(data)
        self.settings = settings
        self.deployer = Deployer(target, settings)

    def run(self, folder: Path) -> None:
        self._measure_front(folder)
        trained = self._best(folder)
        if trained.checkpoint not in {line.checkpoint for line in read_records(folder / DEPLOY, DeploymentRecord)}:
            line = self._deploy(trained, folder)
            append_record(folder / DEPLOY, line)
            say_notices(folder, line.notices)

    def _best(self, folder: Path) -> TrainedNetwork:
        trained = trained_networks(folder)
        if not trained:
            raise ConfigError(f"{folder} has no trained network (full.jsonl, distill.jsonl) to deploy; run the stage train first")
        return ranked(trained)[0]

    def _measure_front(self, folder: Path) -> None:
        """Each network of the front in the true runtimes, so that the report can hold the formulas against them."""
        if not (folder / FRONT).exists():
            return
        done = {architecture_id(line.architecture) for line in read_records(folder / MEASURED, MeasuredCandidate)}
        verifier = CandidateVerifier(self.data.num_classes, self.deployer.verifier)
        for trial in read_record(folder / FRONT, Front).trials:
            if trial.architecture and trial.id not in done:
                architecture = staged(trial.architecture)
                measured = MeasuredCandidate(architecture=architecture, measurement=verifier.measure(architecture))
                append_record(folder / MEASURED, measured)

    def _deploy(self, trained: TrainedNetwork, folder: Path) -> DeploymentRecord:
        checkpoint = load_network(folder / trained.checkpoint)
        inputs = self._inputs(checkpoint)
        named = require_same_order(ClassNames(trained.checkpoint, checkpoint.classes), ClassNames(self.data.name, self.data.classes))
        float_accuracy, in_float = self._measure(checkpoint.network)
        graph = self.deployer.quantize(checkpoint, inputs)
        calibrated, in_int8 = self._measure(self._int8(graph))
        accuracy = calibrated
        log.info("validation accuracy: float %.2f %%, int8 by calibration %.2f %%", 100 * float_accuracy, 100 * calibrated)
        epochs = 0
        if float_accuracy - calibrated > self.settings.most_loss:
            tuned, tuned_epochs = self._fine_tune(checkpoint, graph, folder)
            tuned_accuracy, in_tuned = self._measure(self._int8(tuned))
            if tuned_accuracy > accuracy:
                graph, accuracy, epochs, in_int8 = tuned, tuned_accuracy, tuned_epochs, in_tuned
            log.info("int8 after %d epochs of quantisation-aware fine-tuning: %.2f %%", tuned_epochs, 100 * tuned_accuracy)
        name = f"deploy/{Path(trained.checkpoint).stem}-{trained.stage}"
        deployed = self.deployer.deploy(graph, trained.architecture, inputs, folder / name, folder.name)
        return DeploymentRecord(
            stage=trained.stage,
            architecture=trained.architecture,
            checkpoint=trained.checkpoint,
            calibration=self.settings.calibration,
            qat_epochs=epochs,
            float_val_accuracy=float_accuracy,
            calibrated_val_accuracy=calibrated,
            int8_val_accuracy=accuracy,
            deployed=deployed.model_copy(update={"folder": name}),
            notices=(*named, *int8_differs(float_accuracy, accuracy, int((in_float != in_int8).sum()), len(in_int8))),
        )

    def _inputs(self, checkpoint: Checkpoint) -> Tensor:
        """Training images as the network reads them, for calibration."""
        self.data.setup("fit")
        batch = next(iter(self.data.train_dataloader(self.settings.calibration_images, self.seed, torch.device("cpu"))))
        return resize(normalise(batch.images, checkpoint.mean, checkpoint.std), checkpoint.network.architecture.resolution)

    def _int8(self, graph: IntegerGraph) -> nn.Module:
        return int8_network(graph, self.deployer.verifier.toolchain)

    def _measure(self, network: nn.Module) -> tuple[float, Tensor]:
        """On the validation images: the share that is right, and the class predicted for each (N,)."""
        with watched(network) as predicted:
            score = self.trainer.validate(network)
        return score.val_accuracy, torch.cat(predicted)

    def _fine_tune(self, checkpoint: Checkpoint, graph: IntegerGraph, folder: Path) -> tuple[IntegerGraph, int]:
        network = QatNetwork(fold(checkpoint.network), graph)
        work = folder / "deploy" / "fine_tuning"
        score = self.trainer.fit(network, self.seed, folder=work)
        shutil.rmtree(work)
        return network.integer_graph(), len(score.curve)
