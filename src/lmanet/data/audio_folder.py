"""Sounds in one folder a class, such as Speech Commands, as features the board computes too."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lmanet.base import require_packages
from lmanet.data.clips import Clips, Samples, SoundAugment, SoundViews
from lmanet.data.groups import Recordings, numbered, require_memory
from lmanet.data.images import ImageSet
from lmanet.data.loader import Views
from lmanet.data.recorded import RecordedModule
from lmanet.data.recording_folder import Recording
from lmanet.data.silence import NOISE, SILENCE, require_silence, silent
from lmanet.data.sound_file import SUFFIXES, fitted, read_sound
from lmanet.data.split import Split
from lmanet.sound import FrontEnd
from lmanet.sound.host import require_compiler
from lmanet.steps import Augmentation

log = logging.getLogger(__name__)
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
        silence_fraction: clips of a class ``silence``, cut from the noise, for each other clip of
            a part; 0 makes no such class.
        max_memory_bytes: most that the sounds of a part may take.

    Raises:
        ConfigError: a setting is missing or not legal.
        DataError: a folder is missing, or a class has no recording.
    """

    def __init__(  # noqa: PLR0913 each is a key of conf/data
        self,
        root: str | None,
        front_end: FrontEnd | None = None,
        augment: SoundAugment | None = None,
        recordings: Recordings | None = None,
        split: Split | None = None,
        silence_fraction: float = 0.0,
        max_memory_bytes: int = 8_000_000_000,
    ) -> None:
        self.front_end = front_end or FrontEnd()
        self.augment = augment
        super().__init__(root, SUFFIXES, recordings or Recordings(), split or Split())
        require_silence(silence_fraction, self.classes)
        self.silence_fraction, self.max_memory_bytes = silence_fraction, max_memory_bytes
        if silence_fraction:
            self.classes = (*self.classes, SILENCE)
            self.num_classes = len(self.classes)
        self.channels = 1
        self.height, self.width = self.front_end.frames, self.front_end.columns
        names = ", ".join(self.classes[:SHOWN])
        more = ", and more" if self.num_classes > SHOWN else ""
        what = "cepstral coefficients" if self.front_end.kind == "mfcc" else "mel bands"
        self.description = (
            f"sounds of {self.front_end.clip_ms} ms, as {self.height} frames of {self.width} "
            f"{what}, of {self.num_classes} classes: {names}{more}"
        )
        self._noises: dict[Path, Samples] | None = None

    def require_part(self, part: str) -> None:
        require_packages("data=audio_folder", "", "soundfile")
        require_compiler()
        super().require_part(part)

    def part_of(self, name: str) -> list[Recording]:
        found = super().part_of(name)
        count = round(self.silence_fraction * len(found))
        if not count:
            return found
        sizes = {path: len(noise) for path, noise in self._noise().items()}
        clips = silent(name, count, sizes, self.front_end.clip_samples, self.folder.given_parts)
        label = self.classes.index(SILENCE)
        return [*found, *(each._replace(label=label) for each in clips)]

    def read(self, recordings: Sequence[Recording]) -> Clips:
        length = self.front_end.clip_samples
        require_memory(
            2 * length * len(recordings),
            self.max_memory_bytes,
            f"{len(recordings):,} clips of {self.front_end.clip_ms} ms in {self.root}",
            "raise data.max_memory_bytes, or take fewer classes (data.recordings.classes, "
            "unknown_fraction)",
        )
        samples = np.empty((len(recordings), length), np.int16)
        for row, recording in zip(samples, recordings, strict=True):
            row[:] = self._sound(recording)
        labels = torch.tensor([each.label for each in recordings], dtype=torch.int64)
        groups = numbered([each.group for each in recordings])
        return Clips(samples, labels, groups, self.front_end)

    def _sound(self, recording: Recording) -> Samples:
        length = self.front_end.clip_samples
        if recording.piece is None:
            return fitted(read_sound(recording.path, self.front_end.sample_rate_hz), length)
        start, volume = recording.piece
        noise = self._noise()[recording.path][start : start + length]
        return np.round(volume * noise).astype(np.int16)

    def views(
        self, images: ImageSet, seed: int, augment: Augmentation | None, views: int | None
    ) -> Views:
        # without an augmentation the images are wanted as they are: for calibration, for a look
        change = self.augment if augment else None
        return SoundViews(images, seed, augment, views, change, self.noises() if change else ())

    def noises(self) -> tuple[Samples, ...]:
        """The recordings in ``_background_noise_``, each as long as a clip at least."""
        return tuple(self._noise().values())

    def _noise(self) -> dict[Path, Samples]:
        if self._noises is None:
            folder, length = self.root / NOISE, self.front_end.clip_samples
            paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
            read = {path: read_sound(path, self.front_end.sample_rate_hz) for path in paths}
            self._noises = {path: noise for path, noise in read.items() if len(noise) >= length}
            log.info("%s: %d recordings of noise to mix with", self.name, len(self._noises))
        return self._noises
