"""Deployment: the best trained network in int8, verified and with files to flash; the front in the
true runtimes.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmanet.board import Target
from lmanet.command import command, override
from lmanet.deploy.candidate import CandidateVerifier
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.hearing import hear, require_room
from lmanet.deploy.int8.agreement import disagreement
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.int8_network import int8_network
from lmanet.deploy.int8.qat import QatNetwork
from lmanet.deploy.int8.thresholds import firmware_thresholds
from lmanet.deploy.settings import Settings
from lmanet.deploy.write.packages import USUAL_PREFIX, Packaging
from lmanet.deploy.write.packages.senses import Stream
from lmanet.errors import ConfigError
from lmanet.network.build import heard
from lmanet.network.classes import ClassNames, require_same_order
from lmanet.network.images import fit, normalise
from lmanet.network.weights import Checkpoint, load_network
from lmanet.run.folder import RunFolder, by_these_settings
from lmanet.run.notices import int8_differs
from lmanet.run.results import Deployment as DeploymentRecord
from lmanet.run.results import FirmwareThresholds, MeasuredCandidate, TrainedNetwork
from lmanet.space import architecture_id, staged
from lmanet.steps import Fitter, HeardData, ImageData, SensedData

log = logging.getLogger(__name__)
VAL_BATCH = 256  # images of which labels are read at once


class _Int8(NamedTuple):
    """A network in int8, and how good it is on the validation images.

    Attributes:
        calibrated_accuracy: by calibration alone.
        logits: of each image (N, classes).
        qat_epochs: of fine-tuning; 0 is calibration alone.
    """

    graph: IntegerGraph
    calibrated_accuracy: float
    accuracy: float
    logits: Tensor
    qat_epochs: int = 0


@dataclass
class Deployment:
    """Stage: brings the best trained network, or the one that is named, to int8 and to the board.

    Adds a line to ``deploy.jsonl`` and a folder to ``deploy/``, and to ``measured.jsonl`` a line
    for each network of the front.

    Attributes:
        data: of the run; its training images calibrate, its validation images say what int8 costs.
        seed: of fine-tuning.
        target: the board.
        trainer: data -> trainer, by the recipe of quantisation-aware fine-tuning.
        settings: calibration and tools.
        network: ID of the trained network; None is the best by validation.
        packages: libraries to be written for a user's tools (`lmanet.deploy.write.packages`); None
            is what the board's usual tool opens.
        prefix: that names of C in these libraries begin with.
        url: where they are published; empty is nowhere.
    """

    data: ImageData
    seed: int
    target: Target
    trainer: Callable[[ImageData], Fitter]
    settings: Settings
    network: str | None = None
    packages: Sequence[str] | None = None
    prefix: str = USUAL_PREFIX
    url: str = ""

    settings_id = ""  # no field: the app sets it

    def __post_init__(self) -> None:
        self.fitter = self.trainer(self.data)
        packaging = Packaging(self.packages, self.prefix, self.url)
        self.deployer = Deployer(self.target, self.settings, packaging, self._stream)

    def require(self) -> None:
        """Raise `ConfigError` where a tool that `run` needs is missing, a window of a sensor finds
        no room, or a stream is to be unsure; nothing is compiled for it.
        """
        if self.settings.least_precision and isinstance(self.data, HeardData | SensedData):
            raise ConfigError(
                f"deploy.settings.least_precision={self.settings.least_precision}: the windows of "
                f"{self.data.name} are averaged, and only networks of pictures can be unsure; set "
                "it to null (conf/deploy)"
            )
        self.deployer.verifier.require()
        if isinstance(self.data, SensedData):
            require_room(self.data.window_bytes, self.target)

    def run(self, folder: RunFolder) -> None:
        self._measure_front(folder)
        trained, before = self._chosen(folder), folder.deployments.read()
        for line in before:
            same = (line.checkpoint, line.deployed.target) == (trained.checkpoint, self.target.name)
            if same and by_these_settings(line.settings_id, self.settings_id):
                where = folder.path / line.deployed.folder
                if damaged := line.deployed.damaged(where):
                    log.warning("%s is damaged or gone: deployed again", where / damaged[0])
                    continue
                log.info(
                    "%s was deployed to %s before, by these settings: %s stays",
                    *(trained.checkpoint, self.target.name, line.deployed.folder),
                )
                return
        line = self._deploy(trained, folder, self._free_name(trained, before))
        folder.deployments.append(line.model_copy(update={"settings_id": self.settings_id}))

    def _stream(self) -> Stream | None:
        """What makes the network's input of samples or of a sensor's values."""
        if isinstance(self.data, HeardData):
            return self.data.front_end
        return self.data.sensing() if isinstance(self.data, SensedData) else None

    def _chosen(self, folder: RunFolder) -> TrainedNetwork:
        trained = folder.require_trained("deploy")
        wanted = [
            line for line in trained if self.network in (None, architecture_id(line.architecture))
        ]
        if not wanted:
            raise ConfigError(self._untrained(folder, trained))
        return wanted[0]

    def _untrained(self, folder: RunFolder, trained: Sequence[TrainedNetwork]) -> str:
        """Why the network that is named cannot be deployed: it is not known, or has only been
        trained for the search.
        """
        known = {trial.id for trial in folder.trials() if trial.score}
        if self.network in known:
            train = command(
                f"resume={folder.path}", "stages=[train]", override("arch", self.network)
            )
            return f"deploy.network={self.network} is not trained in full; do that first: {train}"
        legal = ", ".join(dict.fromkeys(architecture_id(line.architecture) for line in trained))
        found = folder.front.read()
        more = ", ".join(
            str(trial.id) for trial in (found.trials if found else ()) if str(trial.id) not in legal
        )
        rest = f", and once they are trained in full {more}" if more else ""
        return f"deploy.network={self.network} is no network of this run; legal are {legal}{rest}"

    def _free_name(self, trained: TrainedNetwork, before: Sequence[DeploymentRecord]) -> str:
        """A folder that no other deployment has: one to another target, or by other settings, keeps
        its own.
        """
        name = f"deploy/{Path(trained.checkpoint).stem}-{trained.stage}"
        names = (
            name,
            f"{name}-{self.target.name}",
            f"{name}-{self.target.name}-{self.settings_id[:6]}",
        )
        taken = {line.deployed.folder for line in before}
        return next((each for each in names if each not in taken), names[-1])

    def _measure_front(self, folder: RunFolder) -> None:
        """Each network of the front in the true runtimes, so that the report can hold the formulas
        against them.
        """
        front = folder.front.read()
        if front is None:
            return
        lines = folder.measured.read()
        done = {
            architecture_id(line.architecture)
            for line in lines
            if by_these_settings(line.settings_id, self.settings_id)
        }
        verifier = CandidateVerifier(self.data.num_classes, self.deployer.verifier)
        for trial in front.trials:
            if trial.architecture and trial.id not in done:
                architecture = staged(trial.architecture)
                measurement = verifier.measure(architecture)
                line = MeasuredCandidate(
                    architecture=architecture, measurement=measurement, settings_id=self.settings_id
                )
                folder.measured.append(line)

    def _deploy(self, trained: TrainedNetwork, folder: RunFolder, name: str) -> DeploymentRecord:
        checkpoint = load_network(folder.path / trained.checkpoint)
        inputs = self._inputs(checkpoint)
        named = require_same_order(
            ClassNames(trained.checkpoint, checkpoint.classes),
            ClassNames(self.data.name, self.data.classes),
        )
        float_accuracy, in_float = self._measure(checkpoint.network)
        int8 = self._quantise(checkpoint, inputs, float_accuracy, folder)
        thresholds = self._thresholds(int8)
        graph = replace(int8.graph, thresholds=thresholds)
        deployed = self.deployer.deploy(
            graph, checkpoint, inputs, folder.path / name, folder.path.name
        )
        hearing = None
        if isinstance(self.data, HeardData):
            hearing = hear(self.deployer.verifier, self.data.front_end, deployed)
        unlike = int((in_float.argmax(1) != int8.logits.argmax(1)).sum())
        differing = int8_differs(float_accuracy, int8.accuracy, unlike, len(in_float))
        # what was fine-tuned is another network by intent
        share = None if int8.qat_epochs else deployed.int8_agreement
        agreeing = disagreement(share, self.deployer.calibrating(inputs))
        notices = (*named, *differing, *agreeing, *self.deployer.notices(deployed.measurement))
        folder.say(notices)
        return DeploymentRecord(
            stage=trained.stage,
            architecture=trained.architecture,
            checkpoint=trained.checkpoint,
            calibration=self.settings.calibration,
            qat_epochs=int8.qat_epochs,
            float_val_accuracy=float_accuracy,
            calibrated_val_accuracy=int8.calibrated_accuracy,
            int8_val_accuracy=int8.accuracy,
            deployed=deployed.model_copy(update={"folder": name, "hearing": hearing}),
            thresholds=thresholds,
            notices=notices,
        )

    def _quantise(
        self, checkpoint: Checkpoint, inputs: Tensor, float_accuracy: float, folder: RunFolder
    ) -> _Int8:
        """By calibration; fine-tuned where that alone loses too much, and the better of both."""
        graph = self.deployer.quantize(checkpoint, inputs)
        calibrated, logits = self._measure(self._int8(graph))
        found = _Int8(graph, calibrated, calibrated, logits)
        log.info(
            "validation accuracy: float %.2f %%, int8 by calibration %.2f %%",
            100 * float_accuracy,
            100 * calibrated,
        )
        if float_accuracy - calibrated <= self.settings.most_loss:
            return found
        tuned, epochs = self._fine_tune(checkpoint, graph, folder)
        accuracy, logits = self._measure(self._int8(tuned))
        log.info(
            "int8 after %d epochs of quantisation-aware fine-tuning: %.2f %%",
            epochs,
            100 * accuracy,
        )
        return max(
            found,
            _Int8(tuned, calibrated, accuracy, logits, epochs),
            key=lambda network: network.accuracy,  # of two that are equal the first
        )

    def _inputs(self, checkpoint: Checkpoint) -> Tensor:
        """Training images as the network reads them, for calibration."""
        self.data.setup("fit")
        batch = next(
            iter(
                self.data.train_dataloader(
                    self.settings.calibration_images, self.seed, torch.device("cpu")
                )
            )
        )
        return normalise(
            fit(batch.images, checkpoint.network.architecture.size),
            checkpoint.mean,
            checkpoint.std,
        )

    def _int8(self, graph: IntegerGraph) -> nn.Module:
        return int8_network(graph, self.deployer.verifier.toolchain)

    def _measure(self, network: nn.Module) -> tuple[float, Tensor]:
        """On the validation images: the share that is right, and all logits (N, classes)."""
        with heard(network) as logits:
            score = self.fitter.validate(network)
        return score.val_accuracy, torch.cat(logits)

    def _thresholds(self, int8: _Int8) -> FirmwareThresholds | None:
        """None for streams: they average probabilities of windows, which no threshold was fitted
        on.
        """
        if self._stream():
            return None
        batches = self.data.val_dataloader(VAL_BATCH, torch.device("cpu"))
        labels = torch.cat([labels for _, labels in batches])
        step = int8.graph.scales[int8.graph.operators[-1].name].scale
        return firmware_thresholds(int8.logits, labels, step, self.settings.least_precision)

    def _fine_tune(
        self, checkpoint: Checkpoint, graph: IntegerGraph, folder: RunFolder
    ) -> tuple[IntegerGraph, int]:
        network = QatNetwork(fold(checkpoint.network), graph)
        work = folder.path / "deploy" / "fine_tuning"
        score = self.fitter.fit(network, self.seed, folder=work)
        shutil.rmtree(work)
        return network.integer_graph(), len(score.curve)
