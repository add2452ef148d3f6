"""Evaluation: the one place where test images are looked at, at the end."""

import logging
import time
from pathlib import Path

from lmanet.errors import ConfigError
from lmanet.records import Evaluation as EvaluationRecord
from lmanet.records import TrainedNetwork
from lmanet.runfiles import DISTILL, FULL, TEST, append_record, read_records
from lmanet.space import Architecture
from lmanet.space.weights import Checkpoint, load_network, load_published_weights
from lmanet.train.trainer import Trainer

log = logging.getLogger(__name__)


class Evaluation:
    """Stage: measures networks on the test images, a line each in ``test.jsonl``.

    Without ``checkpoint``: the best of ``full.jsonl`` by validation, and all of ``distill.jsonl``, wherever the student came from.

    Args:
        trainer: of its recipe only batch size, precision and accelerator count.
        checkpoint: measure this file alone.
        architecture: of the checkpoint, where that holds the weights the paper's authors published; our own checkpoints know theirs.
    """

    def __init__(self, trainer: Trainer, checkpoint: Path | str | None = None, architecture: Architecture | None = None) -> None:
        if architecture and not checkpoint:
            raise ConfigError("arch= without weights cannot be evaluated; pass checkpoint= as well")
        self.trainer = trainer
        self.checkpoint = Path(checkpoint) if checkpoint else None
        self.architecture = architecture

    def run(self, folder: Path) -> None:
        done = {line.checkpoint for line in read_records(folder / TEST, EvaluationRecord)}
        for stage, name in self._chosen(folder):
            if name in done:
                continue
            line = self._measure(stage, name, self._load(folder / name))
            append_record(folder / TEST, line)
            log.info("%s: test accuracy %.2f %% of %d images, %.0f s", name, 100 * line.test_accuracy, line.images, line.seconds)

    def _chosen(self, folder: Path) -> list[tuple[str, str]]:
        """Stage and checkpoint of each network."""
        if self.checkpoint:
            return [("checkpoint", str(self.checkpoint.absolute()))]
        full = read_records(folder / FULL, TrainedNetwork)
        if not full:
            raise ConfigError(f"{folder} has no trained network (full.jsonl); run the stage train first, or pass checkpoint=")
        best = max(full, key=lambda network: network.score.val_accuracy)
        return [(line.stage, line.checkpoint) for line in (best, *read_records(folder / DISTILL, TrainedNetwork))]

    def _load(self, path: Path) -> Checkpoint:
        if not self.architecture:
            return load_network(path)
        data = self.trainer.data
        data.setup("test")
        return Checkpoint(load_published_weights(path, self.architecture), data.classes, data.mean, data.std)

    def _measure(self, stage: str, name: str, checkpoint: Checkpoint) -> EvaluationRecord:
        data = self.trainer.data
        if checkpoint.network.num_classes != data.num_classes:
            raise ConfigError(
                f"{name} tells {checkpoint.network.num_classes} classes apart, {data.name} has {data.num_classes}; choose its data="
            )
        start = time.monotonic()
        measured = self.trainer.test(checkpoint)
        return EvaluationRecord(
            stage=stage,
            architecture=checkpoint.network.architecture,
            checkpoint=name,
            images=int(measured["images"]),
            test_accuracy=measured["accuracy"],
            test_macro_f1=measured["macro_f1"],
            test_calibration_error=measured["calibration_error"],
            seconds=time.monotonic() - start,
        )
