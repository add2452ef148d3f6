"""After training: what the best network does, on validation images."""

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

from lmanet.base import require_packages
from lmanet.errors import ConfigError
from lmanet.explain.examine.blocks import skip_blocks
from lmanet.explain.examine.deletion import deletion_curve
from lmanet.explain.examine.pictures import draw
from lmanet.explain.examine.saliency import layer_to_read
from lmanet.explain.examine.subject import Subject
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.weights import load_network, reordered
from lmanet.run.folder import EXAMINATION, EXAMINED, RunFolder, by_these_settings
from lmanet.run.results import Examination, TrainedNetwork
from lmanet.steps import ImageData

log = logging.getLogger(__name__)


class Examine:
    """Stage: examines the network of ``student.ckpt``; writes ``examination.json`` and pictures
    below ``examination/``.

    It is done again where ``student.ckpt`` has become another network. Test images are not looked
    at.

    Args:
        data: of the run; only its validation images are used.
        seed: of the random orders that Grad-CAM is compared with.
        block_images: on which the network is measured without each block, at most.
        images_shown: with their maps, half of them right and half wrong as far as there are so
            many.
        deletion_images: whose deletion curves are drawn, at most.
    """

    settings_id = ""

    def __init__(
        self,
        data: ImageData,
        seed: int = 0,
        block_images: int = 1000,
        images_shown: int = 8,
        deletion_images: int = 256,
    ) -> None:
        least = {
            "block_images": (block_images, 1),
            "images_shown": (images_shown, 2),
            "deletion_images": (deletion_images, 1),
        }
        for name, (given, smallest) in least.items():
            if given < smallest:
                raise ConfigError(
                    f"{name}={given} must be at least {smallest} (explain.examine in conf/)"
                )
        self.data, self.seed = data, seed
        self.block_images, self.images_shown, self.deletion_images = (
            block_images,
            images_shown,
            deletion_images,
        )

    def require(self) -> None:
        require_packages("the stage explain", "", "captum")

    def run(self, folder: RunFolder) -> None:
        best, before = folder.require_trained("examine")[0], folder.examination.read()
        if self._was_done(best, before):
            return
        # Pictures of another network stand in another folder: the old record and its pictures fit
        # until the new record is there.
        pictures = f"{EXAMINED}/{Path(best.checkpoint).stem}-{best.stage}"
        record = self._examine(best, folder, pictures).model_copy(
            update={"settings_id": self.settings_id}
        )
        folder.examination.write(record)
        for other in set((folder.path / EXAMINED).iterdir()) - {folder.path / pictures}:
            shutil.rmtree(other)
        log.info(
            "examination of %s: validation accuracy %.2f %%, area between the deletion curves "
            "%.3f (%.3f to %.3f), %.0f s",
            record.checkpoint,
            100 * record.val_accuracy,
            record.deletion.area_difference,
            record.deletion.low,
            record.deletion.high,
            record.seconds,
        )

    def _was_done(self, best: TrainedNetwork, before: Examination | None) -> bool:
        """Whether this network was examined before, by these settings; that is said."""
        if (
            before is None
            or before.checkpoint != best.checkpoint
            or not by_these_settings(before.settings_id, self.settings_id)
        ):
            return False
        log.info(
            "%s was examined before, by these settings: %s stays", before.checkpoint, EXAMINATION
        )
        return True

    def _examine(self, trained: TrainedNetwork, folder: RunFolder, pictures: str) -> Examination:
        start = time.monotonic()
        subject = self._subject(trained, folder)
        layer = layer_to_read(subject.network).graph[-1]
        found = {
            "skipped": skip_blocks(subject, self.block_images),
            "saliency": draw(subject, self.images_shown, folder.path, pictures),
            "deletion": deletion_curve(subject, self.deletion_images, self.seed),
        }
        return Examination(
            stage=trained.stage,
            architecture=trained.architecture,
            checkpoint=trained.checkpoint,
            images=len(subject.labels),
            val_accuracy=float((subject.predicted == subject.labels).double().mean()),
            block_images=min(self.block_images, len(subject.labels)),
            layer=layer.part,
            map_size=layer.out_shape[1],
            map_width=layer.out_shape[2],
            classes=subject.classes,
            confusion=subject.confusion,
            seconds=time.monotonic() - start,
            **found,
        )

    def _subject(self, trained: TrainedNetwork, folder: RunFolder) -> Subject:
        checkpoint, data = load_network(folder.path / trained.checkpoint), self.data
        data.setup("fit")
        match = match_classes(
            ClassNames(trained.checkpoint, checkpoint.classes), ClassNames(data.name, data.classes)
        )
        folder.say(match.notices)
        return Subject(
            replace(
                checkpoint,
                network=reordered(checkpoint.network, match.places),
                classes=data.classes,
            ),
            data,
        )
