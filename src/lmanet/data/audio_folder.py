"""Sounds in one folder a class, such as Speech Commands, as features the board computes too."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from lmanet.base import require_packages
from lmanet.data.clips import Clips, Samples, SoundAugment, SoundViews
from lmanet.data.groups import Recordings, numbered
from lmanet.data.images import ImageSet
from lmanet.data.loader import Views
from lmanet.data.recorded import RecordedModule
from lmanet.data.recording_folder import Recording
from lmanet.data.sound_file import SUFFIXES, fitted, read_sound
from lmanet.data.split import Split
from lmanet.sound import FrontEnd
from lmanet.sound.host import require_compiler
from lmanet.steps import Augmentation

log = logging.getLogger(__name__)
NOISE = "_background_noise_"  # of Speech Commands: long recordings without words
SHOWN = 20  # classes in the description


class AudioFolder(RecordedModule):
    """WAV or FLAC files in one folder a class, each cut or padded to a clip of one length.

    Files of any rate, depth and number of channels are read. Noise to mix with is taken from the
    folder ``_background_noise_``.

    Args:
        root: has a folder for each class, or ``train`` that has them, beside ``val`` and ``test``
            or the lists of Speech Commands.
        front_end: which features are made.
        augment: what is done to training sounds; None leaves them.
        recordings: classes and speakers.
        split: how recordings are divided.

    Raises:
        ConfigError: a setting is missing or not legal.
        DataError: a folder is missing, or a class has no recording.
    """

    def __init__(
        self,
        root: str | None,
        front_end: FrontEnd | None = None,
        augment: SoundAugment | None = None,
        recordings: Recordings | None = None,
        split: Split | None = None,
    ) -> None:
        self.front_end = front_end or FrontEnd()
        self.augment = augment
        super().__init__(root, SUFFIXES, recordings or Recordings(), split or Split())
        self.channels = 1
        self.height, self.width = self.front_end.frames, self.front_end.columns
        names = ", ".join(self.classes[:SHOWN])
        more = ", and more" if self.num_classes > SHOWN else ""
        what = "cepstral coefficients" if self.front_end.kind == "mfcc" else "mel bands"
        self.description = (
            f"sounds of {self.front_end.clip_ms} ms, as {self.height} frames of {self.width} "
            f"{what}, of {self.num_classes} classes: {names}{more}"
        )
        self._noises: tuple[Samples, ...] | None = None

    def require_part(self, part: str) -> None:
        require_packages("data=audio_folder", "", "soundfile")
        require_compiler()
        super().require_part(part)

    def read(self, recordings: Sequence[Recording]) -> Clips:
        length, rate = self.front_end.clip_samples, self.front_end.sample_rate_hz
        samples = np.empty((len(recordings), length), np.int16)
        for row, recording in zip(samples, recordings, strict=True):
            row[:] = fitted(read_sound(recording.path, rate), length)
        labels = torch.tensor([each.label for each in recordings], dtype=torch.int64)
        groups = numbered([each.group for each in recordings])
        return Clips(samples, labels, groups, self.front_end)

    def views(
        self, images: ImageSet, seed: int, augment: Augmentation | None, views: int | None
    ) -> Views:
        # without an augmentation the images are wanted as they are: for calibration, for a look
        change = self.augment if augment else None
        return SoundViews(images, seed, augment, views, change, self.noises() if change else ())

    def noises(self) -> tuple[Samples, ...]:
        """The recordings in ``_background_noise_``, each as long as a clip at least."""
        if self._noises is None:
            folder, length = self.root / NOISE, self.front_end.clip_samples
            paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
            read = [read_sound(path, self.front_end.sample_rate_hz) for path in paths]
            self._noises = tuple(noise for noise in read if len(noise) >= length)
            log.info("%s: %d recordings of noise to mix with", self.name, len(self._noises))
        return self._noises
