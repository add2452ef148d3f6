"""Trainer: runs a recipe on the images of a data module, in Lightning, and returns a score on the
validation images.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.callbacks import Checkpoint as CheckpointCallback
from torch import nn

from lmanet.allocator import freed_memory_kept
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.build import Network, build
from lmanet.network.donor import start_from
from lmanet.network.images import fit, normalise
from lmanet.network.inherit import inherit
from lmanet.network.weights import Checkpoint, load_network, save_network
from lmanet.run.records import Job, Score
from lmanet.space import AnyArchitecture, staged
from lmanet.steps import Batches, CountedData, ImageData, Loss
from lmanet.train.callbacks import KeepLast, TimeLimit
from lmanet.train.checks import notices, require_a_stop_before_the_end
from lmanet.train.classifier import Classifier, Task, cross_entropy
from lmanet.train.compute import Kernels, applied
from lmanet.train.folds import jobs_of, together
from lmanet.train.measures import ClassCounts, class_weights
from lmanet.train.recipe import Recipe
from lmanet.train.watch import hang_ended, named_errors, taken_up
from lmanet.train.zero_cost import ZeroCost

log = logging.getLogger(__name__)
LAST = "last.ckpt"
PARENT, NO_PARENT = "parent", "none"
Channels = tuple[float, ...]


class Trainer:
    """Trains networks on one data set by one recipe.

    Args:
        zero_cost: what may be asked of a network before it is trained; None is nothing.
        inherit: where the weights of an edit of another candidate start: from that ``parent``, or
            from nothing (``none``).
        donor: where the weights of every network start: a checkpoint of ours, or the name of a
            network that is shipped. It may know other classes; None is fresh weights.

    Raises:
        ConfigError: the donor is missing, or a setting is not legal.
    """

    def __init__(
        self,
        data: ImageData,
        recipe: Recipe,
        zero_cost: ZeroCost | None = None,
        inherit: str = NO_PARENT,
        donor: str | None = None,
    ) -> None:
        if inherit not in (PARENT, NO_PARENT):
            raise ConfigError(
                f"train.mini.inherit={inherit}: legal are {PARENT} and {NO_PARENT} (conf/train)"
            )
        if inherit == PARENT and recipe.folds > 1:
            raise ConfigError(
                f"folds={recipe.folds} with train.mini.inherit={PARENT}: a parent has been trained "
                "on images that validate its edit; set inherit=none or folds=1 (conf/train)"
            )
        self.inherit = inherit
        self.donor = load_network(donor) if donor else None
        self.donor_name = Path(donor).name if donor else None
        self.data = data
        self.recipe = recipe
        self.zero_cost = zero_cost

    def train(self, job: Job) -> Score:
        """Build a candidate and train it up to ``job.epochs``; no file is written but those that
        the job names.
        """
        if job.epochs is not None:
            require_a_stop_before_the_end(job.epochs, self.recipe.epochs)
        if self.recipe.folds > 1:
            return together([trainer.train(part) for trainer, part in jobs_of(self, job)])
        network = self.build(staged(job.architecture), job.seed)
        if job.parent:
            inherit(network, load_network(job.parent).network)
        score = self.fit(network, job.seed, folder=job.folder, epochs=job.epochs)
        if job.weights:
            job.weights.parent.mkdir(exist_ok=True)
            save_network(
                job.weights, Checkpoint(network, self.data.classes, self.data.mean, self.data.std)
            )
        return score

    def screen(self, architecture: AnyArchitecture, seed: int) -> dict[str, float]:
        """Zero-cost proxies of a candidate: the same training images for all, weights drawn from
        ``seed``; more is better.

        Raises:
            ConfigError: the trainer has no proxies.
            TrainingError: a value is not finite.
        """
        if self.zero_cost is None:
            raise ConfigError(
                "candidates are to be screened without training, but no proxies are named; set "
                "zero_cost in conf/train"
            )
        self.data.setup("fit")
        batch = next(iter(self.data.train_dataloader(self.zero_cost.images, 0, self._device)))
        known = staged(architecture)
        images = normalise(fit(batch.images, known.size), self.data.mean, self.data.std)
        return self.zero_cost.measure(
            known, self.data.num_classes, images, batch.targets.argmax(1), seed
        )

    def build(self, architecture: Architecture, seed: int) -> Network:
        """The network of an architecture, with the recipe's dropout, and weights drawn from
        ``seed`` or the donor's.
        """
        torch.manual_seed(seed)
        network = build(architecture, self.data.num_classes, self.recipe.dropout)
        if self.donor:
            self.data.setup("fit")  # the files may know better names
            share = start_from(network, self.donor, self.data.classes)
            log.info("%.0f %% of the weights begin as the donor's", 100 * share)
        return network

    def on(self, data: ImageData, recipe: Recipe) -> "Trainer":
        """The same trainer for other images and another recipe."""
        other = copy(self)
        other.data, other.recipe = data, recipe
        return other

    def fit(
        self,
        network: nn.Module,
        seed: int,
        loss: Loss = cross_entropy,
        folder: Path | None = None,
        epochs: int | None = None,
    ) -> Score:
        """Train a network in place; its last weights count, so that the score is no pick of the
        best epoch.

        Args:
            network: a `Network`, or any module from normalised images (N, channels, H, W) to
                logits.
            seed: of the order of the images, of augmentation and dropout.
            folder: where ``last.ckpt`` is written after each epoch and taken up again; the caller
                removes the folder once the result is safe.
            epochs: stop after so many, in the middle of the recipe's schedule; None is at its end.

        Raises:
            TrainingError: the loss is not finite, or memory does not suffice.
            TrainingTimeoutError: the recipe's ``max_seconds`` are over.
        """
        recipe, device = self.recipe, self._device
        train = self.batches(seed).repeated(recipe.repeats)
        val = self.data.val_dataloader(recipe.batch_size, device)
        classifier = Classifier(network, self._task, recipe, loss, seed)
        # the same images for all candidates
        classifier.renew_norms_from(self.data.train_dataloader(recipe.batch_size, 0, device))
        with named_errors(), freed_memory_kept():
            shape = classifier.input_shape(next(iter(val))[0].shape[1:])
            steps = recipe.epochs * len(train)
            kernels = recipe.kernels.choose(network, (recipe.batch_size, *shape), device, steps)
            with applied(kernels, network, device) as forward:
                classifier.compute_by(forward, kernels.memory_format)
                last = folder / LAST if folder else None
                engine = self._fitting_engine(device, kernels.precision, last, epochs)
                with hang_ended(recipe.max_seconds):
                    engine.fit(classifier, train, val, ckpt_path=taken_up(last), weights_only=True)
                # no hook of Lightning's, which calls none where the checkpoint is of a training
                # that was over
                classifier.keep_average()
        score = _score(classifier.measured, classifier.seconds)
        of_training = {
            "curve": tuple(classifier.curve),
            "kernels": str(kernels),
            "batch_norm_seconds": classifier.batch_norm_seconds,
            "notices": tuple(notices(score.predicted_classes, recipe.epochs, len(train))),
        }
        return score.model_copy(update=of_training)

    def batches(self, seed: int) -> Batches:
        """The training batches of `fit` with that seed, on its device; each epoch is one pass."""
        self.data.setup("fit")
        recipe = self.recipe
        loader = self.data.train_dataloader(
            recipe.batch_size, seed, self._device, recipe.augment, recipe.views
        )
        return loader.fewer(recipe.images)

    @property
    def views(self) -> int:
        """Distinct passes over the images in a training."""
        passes = self.recipe.epochs * self.recipe.repeats
        return min(self.recipe.views or passes, passes)

    def validate(self, network: nn.Module) -> Score:
        """Measure a network on the validation images, without training."""
        self.data.setup("fit")
        start = time.monotonic()
        measured = self._measure(network, self._task, self.data.val_dataloader).measured
        return _score(measured, time.monotonic() - start)

    def test(
        self, network: nn.Module, mean: Channels, std: Channels
    ) -> tuple[dict[str, float], tuple[ClassCounts, ...]]:
        """Measure a network on the test images, normalised as in its training: accuracy,
        balanced_accuracy, macro_f1, calibration_error, loss, images; and the counts of each class.
        """
        self.data.setup("test")
        task = Task(self.data.num_classes, mean, std)
        measured = self._measure(network, task, self.data.test_dataloader)
        return measured.measured, measured.by_class

    def _measure(
        self, network: nn.Module, task: Task, loader: Callable[..., Iterable[Any]]
    ) -> Classifier:
        kernels, device = Kernels(), self._device
        batches = loader(
            self.recipe.batch_size, device, frames=getattr(network, "reads_frames", False)
        )
        classifier = Classifier(network, task, replace(self.recipe, ema_decay=None))
        with named_errors(), freed_memory_kept(), applied(kernels, network, device):
            self._engine(device, kernels.precision, [], 1).validate(
                classifier, batches, verbose=False
            )
        return classifier

    @property
    def _task(self) -> Task:
        weights = None
        if self.recipe.balance and isinstance(self.data, CountedData):
            weights = class_weights([*self.data.class_counts.values()], self.recipe.balance)
        return Task(self.data.num_classes, self.data.mean, self.data.std, weights)

    @property
    def _device(self) -> torch.device:
        with self._named_accelerator():
            device = Fabric(
                accelerator=self.recipe.accelerator, devices=1, plugins=LightningEnvironment()
            ).device
        # Of several GPUs the one that this process was given, where Lightning takes the first.
        return (
            torch.device("cuda", torch.cuda.current_device()) if device.type == "cuda" else device
        )

    def _fitting_engine(
        self, device: torch.device, precision: str, last: Path | None, epochs: int | None
    ) -> lightning.Trainer:
        """For `fit`: within the recipe's time; ``last`` is written after each epoch."""
        recipe = self.recipe
        callbacks: list[Callback] = [TimeLimit(recipe.max_seconds)] if recipe.max_seconds else []
        callbacks += [KeepLast(last)] if last else []
        most = min(epochs or recipe.epochs, recipe.epochs)
        return self._engine(device, precision, callbacks, most)

    def _engine(
        self, device: torch.device, precision: str, callbacks: list[Callback], epochs: int
    ) -> lightning.Trainer:
        # no line on devices for each candidate
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        with self._named_accelerator():
            return lightning.Trainer(
                max_epochs=epochs,
                accelerator=self.recipe.accelerator,
                devices=[device.index] if device.type == "cuda" else 1,
                # Lightning has no public type of it.
                precision=precision,  # type: ignore[arg-type]
                # One process, also where a scheduler's variables speak of several. And no folder:
                # in a job of SLURM, Lightning takes up a state that it finds there, of whatever
                # network.
                plugins=LightningEnvironment(),
                default_root_dir=os.devnull,
                callbacks=callbacks,
                logger=False,
                enable_checkpointing=any(
                    isinstance(callback, CheckpointCallback) for callback in callbacks
                ),
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )

    @contextmanager
    def _named_accelerator(self) -> Iterator[None]:
        try:
            yield
        except (MisconfigurationException, ValueError) as error:
            given = f"accelerator={self.recipe.accelerator}"
            raise ConfigError(
                f"{given} cannot be had on this machine ({error}); correct the recipe in conf/"
            ) from error


def _score(measured: dict[str, float], seconds: float) -> Score:
    predicted = measured.get("predicted_classes")  # none in the checkpoint of an older version
    return Score(
        val_accuracy=measured["accuracy"],
        val_macro_f1=measured["macro_f1"],
        # none in the checkpoint of an older version
        val_balanced_accuracy=measured.get("balanced_accuracy"),
        val_calibration_error=measured["calibration_error"],
        seconds=seconds,
        val_images=int(measured["images"]),
        predicted_classes=None if predicted is None else int(predicted),
    )
