"""What a training does between its steps: keep its state on the disk, and mind its time."""

import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback

from lmanet.errors import TrainingTimeoutError
from lmanet.files import replaced
from lmanet.train.classifier import Classifier


class KeepLast(CheckpointCallback):
    """Writes the state after each epoch; a kill leaves the old file or the new one.

    Lightning calls callbacks of this kind after the module's own hook, so that the epoch's record
    is in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        with replaced(self.path) as partial:
            trainer.save_checkpoint(partial)


class TimeLimit(Callback):
    """Ends a training that has taken too long, counting epochs from before a kill."""

    def __init__(self, max_seconds: float) -> None:
        self.max_seconds = max_seconds
        self.start = 0.0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        assert isinstance(pl_module, Classifier)
        self.start = time.monotonic() - pl_module.seconds

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        if time.monotonic() - self.start > self.max_seconds:
            raise TrainingTimeoutError(
                f"training stopped in epoch {trainer.current_epoch + 1} after "
                f"max_seconds={self.max_seconds}; raise it in the recipe in conf/, or take fewer "
                "epochs or smaller networks"
            )
