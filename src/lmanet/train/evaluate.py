"""Evaluation: the one place where test images are looked at, at the end."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmanet.errors import ConfigError, DataError
from lmanet.network import Architecture
from lmanet.network.build import Network, heard
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.compact import shipped
from lmanet.network.thresholds import fit_thresholds, is_unequal
from lmanet.network.weights import Checkpoint, load_network, load_published_weights, reordered
from lmanet.run.folder import TEST, RunFolder, by_these_settings, ranked
from lmanet.run.notices import one_class
from lmanet.run.results import ClassResult, FirmwareThresholds, Thresholds
from lmanet.run.results import Evaluation as EvaluationRecord
from lmanet.train.measures import by_thresholds, of_firmware
from lmanet.train.trainer import Trainer

log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """A network to be measured.

    Attributes:
        name: what its line bears as ``checkpoint``.
        checkpoint: of the float network, relative to the run's folder or absolute.
        int8: folder of the same network in int8, which is measured in its place.
        thresholds: by which its C chooses a class.
    """

    stage: str
    name: str
    checkpoint: str
    int8: str | None = None
    thresholds: FirmwareThresholds | None = None


class Evaluation:
    """Stage: measures networks on the test images, a line each in ``test.jsonl``.

    Without ``checkpoint``: the best of ``full.jsonl`` by validation, all of ``distill.jsonl``, so
    that of ``student.ckpt`` too, and all of ``deploy.jsonl``, in int8.

    Args:
        trainer: of its recipe only batch size, precision and accelerator count.
        checkpoint: measure this file alone.
        architecture: of the checkpoint, where that holds the weights the paper's authors published;
            our own checkpoints know theirs.
        load_int8: folder of a deployed network, its architecture and number of classes -> module
            from normalised images to logits.
    """

    settings_id = ""

    def __init__(
        self,
        trainer: Trainer,
        checkpoint: Path | str | None = None,
        architecture: Architecture | None = None,
        load_int8: Callable[[Path, Architecture, int], nn.Module] | None = None,
    ) -> None:
        if architecture and not checkpoint:
            raise ConfigError("arch= without weights cannot be evaluated; pass checkpoint= as well")
        self.trainer = trainer
        self.checkpoint = (shipped(checkpoint) or Path(checkpoint)) if checkpoint else None
        self.architecture = architecture
        self.load_int8 = load_int8

    def require(self) -> None:
        if not self.checkpoint:
            return
        if self.architecture:
            load_published_weights(self.checkpoint, self.architecture)
        else:
            self._refuse_other_classes(str(self.checkpoint), load_network(self.checkpoint))

    def run(self, folder: RunFolder) -> None:
        for subject in self._chosen(folder):
            made_by = self._made_by(subject)
            lines = folder.tests.read()
            if any(
                line.checkpoint == subject.name and by_these_settings(line.settings_id, made_by)
                for line in lines
            ):
                log.info(
                    "%s was measured on these test images before: its line in %s stays",
                    subject.name,
                    TEST,
                )
                continue
            line = self._measure(subject, folder).model_copy(update={"settings_id": made_by})
            folder.tests.append(line)
            folder.say(line.notices)
            log.info(
                "%s: test accuracy %.2f %% of %d images, %.0f s",
                line.checkpoint,
                100 * line.test_accuracy,
                line.images,
                line.seconds,
            )

    def _chosen(self, folder: RunFolder) -> Iterator[Subject]:
        if self.checkpoint:
            path = str(self.checkpoint.absolute())
            yield Subject("checkpoint", path, path)
            return
        best = folder.require_trained("evaluate", "pass checkpoint=")[0]
        before = ranked(folder.full.read())[:1]  # what distillation began with
        lines = (*before, *folder.distilled.read(), best)
        for line in {line.checkpoint: line for line in lines}.values():
            yield Subject(line.stage, line.checkpoint, line.checkpoint)
        for deployment in folder.deployments.read() if self.load_int8 else ():
            yield Subject(
                "deploy",
                deployment.deployed.folder,
                deployment.checkpoint,
                deployment.deployed.folder,
                deployment.thresholds,
            )

    def _made_by(self, subject: Subject) -> str:
        """The settings, and the contents of a file that is not the run's own: they may be others by
        now.
        """
        if not (self.settings_id and self.checkpoint and self.checkpoint.is_file()):
            return self.settings_id
        return f"{self.settings_id}-{hashlib.sha256(self.checkpoint.read_bytes()).hexdigest()[:12]}"

    def _load(self, path: Path) -> Checkpoint:
        if not self.architecture:
            return load_network(path)
        data, network = self.trainer.data, load_published_weights(path, self.architecture)
        names = tuple(map(str, range(network.num_classes)))  # it names none
        return Checkpoint(network, names, data.mean, data.std)

    def _refuse_other_classes(self, name: str, checkpoint: Checkpoint) -> None:
        given, data = checkpoint.network.num_classes, self.trainer.data
        if given != data.num_classes:
            raise ConfigError(
                f"{name} tells {given} classes apart, {data.name} has {data.num_classes}; choose "
                "its data="
            )

    def _measure(self, subject: Subject, folder: RunFolder) -> EvaluationRecord:
        checkpoint = self._load(folder.path / subject.checkpoint)
        data = self.trainer.data
        self._refuse_other_classes(subject.name, checkpoint)
        data.setup("test")  # the files may know better names
        match = match_classes(
            ClassNames(subject.name, checkpoint.classes), ClassNames(data.name, data.classes)
        )
        float_network = checkpoint.network
        int8 = self._in_c(subject, float_network, folder)
        network = reordered(int8 or float_network, match.places)
        start = time.monotonic()
        with heard(network) as batches:
            measured, classes = self.trainer.test(network, checkpoint.mean, checkpoint.std)
        logits = torch.cat(batches)
        names = [data.classes[place] for place in sorted(set(logits.argmax(1).tolist()))]
        unequal = not self.checkpoint and is_unequal([each.images for each in classes])
        return EvaluationRecord(
            stage=subject.stage,
            architecture=checkpoint.network.architecture,
            checkpoint=subject.name,
            images=int(measured["images"]),
            test_accuracy=measured["accuracy"],
            test_macro_f1=measured["macro_f1"],
            test_balanced_accuracy=measured["balanced_accuracy"],
            by_class=tuple(
                ClassResult(name=name, **counts._asdict())
                for name, counts in zip(data.classes, classes, strict=True)
            ),
            thresholds=self._thresholds_of(subject, network, logits, match.places)
            if unequal or subject.thresholds
            else None,
            test_calibration_error=measured["calibration_error"],
            seconds=time.monotonic() - start,
            notices=(*match.notices, *one_class(names, f"{int(measured['images']):,} test images")),
        )

    def _in_c(self, subject: Subject, network: Network, folder: RunFolder) -> nn.Module | None:
        """The network in int8, where that is measured in its place."""
        if not (self.load_int8 and subject.int8):
            return None
        where = folder.path / subject.int8
        return self.load_int8(where, network.architecture, network.num_classes)

    def _thresholds_of(
        self, subject: Subject, network: nn.Module, logits: Tensor, places: Sequence[int]
    ) -> Thresholds | None:
        """Those of its firmware, or what thresholds would bring."""
        if subject.thresholds:
            labels = self._labels(self.trainer.data.test_dataloader)
            return of_firmware(subject.thresholds, logits, places, labels)
        return self._thresholds(network, logits)

    def _thresholds(self, network: nn.Module, logits: Tensor) -> Thresholds | None:
        """Fitted on the validation images of the run; None where these are not at hand.

        Args:
            logits: of the test images (N, classes).
        """
        data = self.trainer.data
        try:
            data.setup("fit")
        except DataError as error:
            log.info("no thresholds by class, for they are fitted on validation images: %s", error)
            return None
        with heard(network) as batches:
            self.trainer.validate(network)
        val_labels = self._labels(data.val_dataloader)
        added = fit_thresholds(torch.cat(batches), val_labels)
        labels = self._labels(data.test_dataloader)
        return by_thresholds(added, len(val_labels), (logits + added).argmax(1), labels)

    def _labels(self, loader: Callable[..., Iterable[tuple[Tensor, Tensor]]]) -> Tensor:
        batches = loader(self.trainer.recipe.batch_size, torch.device("cpu"))
        return torch.cat([labels.cpu() for _, labels in batches])
