"""Clips of sound: their features as images of one channel, and what training does to the sound
before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmanet.data.images import MemoryImages
from lmanet.data.loader import EACH, Views, random_of
from lmanet.errors import ConfigError
from lmanet.sound import FrontEnd
from lmanet.sound.host import HostFrontEnd

SOUND = 3  # beside ORDER, EACH and MIX of the loader: random numbers of its own
Samples = NDArray[np.int16]


class Clips:
    """Sounds of one length in memory, and their features as images (1, frames, columns).

    Args:
        samples: int16 (N, samples).
        labels: int64 (N,).
        groups: int64 (N,), the same number for what must not be divided.
        front_end: makes the features.
    """

    def __init__(
        self, samples: Samples, labels: Tensor, groups: Tensor, front_end: FrontEnd
    ) -> None:
        self.samples = samples
        self.labels = labels
        self.groups = groups
        self.front_end = front_end
        self.device = torch.device("cpu")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.features[index], self.labels[index]

    @property
    def image_bytes(self) -> int:
        return self.front_end.frames * self.front_end.columns

    @cached_property
    def features(self) -> Tensor:
        """uint8 (N, 1, frames, columns) of the sounds as they are; computed once."""
        return self.features_of(self.samples)

    def features_of(self, samples: Samples) -> Tensor:
        """Of any sounds of the same length, on the device."""
        made = HostFrontEnd(self.front_end).features(samples)
        return torch.from_numpy(made)[:, None].to(self.device)

    def subset(self, indices: Tensor) -> "Clips":
        chosen = indices.cpu()
        part = Clips(
            self.samples[chosen.numpy()],
            self.labels[indices],
            self.groups[chosen],
            self.front_end,
        )
        part.device = self.device
        return part

    def to(self, device: torch.device) -> "Clips":
        moved = Clips(self.samples, self.labels.to(device), self.groups, self.front_end)
        moved.device = device
        return moved

    def blocks(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        for part in parts:
            yield self.features[part.to(self.device)]

    def digests(self) -> list[bytes]:
        whole = torch.from_numpy(self.samples.view(np.uint8)).reshape(len(self), -1)
        return MemoryImages(whole, self.labels.cpu()).digests()


@dataclass(frozen=True)
class SoundAugment:
    """What is done to a sound in training, before its features are computed.

    Attributes:
        shift_ms: most that it is moved, earlier or later; silence follows.
        noise_probability: share of the clips that noise is added to.
        noise_volume: most that the noise is multiplied by, 0 to 1; drawn for each clip.
    """

    shift_ms: float = 100
    noise_probability: float = 0.8
    noise_volume: float = 0.1

    def __post_init__(self) -> None:
        if self.shift_ms < 0:
            raise ConfigError(
                f"shift_ms={self.shift_ms} must be at least 0; correct data.augment.shift_ms"
            )
        for name in ("noise_probability", "noise_volume"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"{name}={getattr(self, name)} must lie between 0 and 1; correct "
                    f"data.augment.{name}"
                )

    def each(self, samples: Samples, rate_hz: int, noises: Sequence[Samples]) -> Samples:
        """The same number of sounds, each drawn for itself from torch's random numbers.

        Args:
            noises: at least as long as a clip; without one the noise is white.
        """
        count, length = samples.shape
        most = round(self.shift_ms * rate_hz / 1000)
        shifts = torch.randint(-most, most + 1, (count,)).tolist()
        volumes = torch.rand(count) * self.noise_volume
        volumes *= torch.rand(count) < self.noise_probability
        changed = np.zeros_like(samples)
        for row, sound, shift, volume in zip(
            changed, samples, shifts, volumes.tolist(), strict=True
        ):
            row[max(0, shift) : length + min(0, shift)] = sound[
                max(0, -shift) : length - max(0, shift)
            ]
            if volume:
                mixed = row + volume * _noise(noises, length)
                row[:] = np.clip(np.round(mixed), -32768, 32767)
        return changed


def _noise(noises: Sequence[Samples], length: int) -> NDArray[np.floating]:
    if not noises:
        return torch.randn(length).numpy() * 8192  # a quarter of full scale, as loud as a voice
    noise = noises[int(torch.randint(len(noises), ()))]
    start = int(torch.randint(len(noise) - length + 1, ()))
    return noise[start : start + length].astype(np.float32)


@dataclass(frozen=True)
class SoundViews(Views):
    """Training clips whose sound is changed anew in each view.

    Attributes:
        change: what is done to the sound.
        noises: that it is mixed with.
    """

    change: SoundAugment | None = None
    noises: tuple[Samples, ...] = ()

    def loaded(self, parts: Sequence[Tensor], view: int) -> Iterator[Tensor]:
        if self.change is None:
            yield from super().loaded(parts, view)
            return
        assert isinstance(self.images, Clips)
        rate = self.images.front_end.sample_rate_hz
        for number, part in enumerate(parts):
            with random_of(self.seed, view, EACH, number, SOUND):
                sounds = self.change.each(self.images.samples[part.numpy()], rate, self.noises)
            yield self.images.features_of(sounds)
