"""FrontEnd: which features are made of sound, and what follows from that for their shape."""

import math
from dataclasses import dataclass

from lmanet.errors import ConfigError

MOST_FFT = 4096  # beyond it, a step of the transform would need more than 32 bits
COEFFICIENTS = "mfcc"
BANDS = "log_mel"
WHERE = "correct data.front_end"


@dataclass(frozen=True)
class FrontEnd:
    """Features of a clip of sound: a byte for each frame and each band or coefficient.

    Attributes:
        sample_rate_hz: of the microphone; files of another rate are resampled.
        clip_ms: length of what is classified at once.
        window_ms, step_ms: length of a frame, and from the start of one to the next.
        kind: ``log_mel`` (energies of bands) or ``mfcc`` (their cosine transform).
        bands: triangular filters, equally wide on the mel scale of HTK.
        coefficients: kept of the cosine transform, where ``kind`` is ``mfcc``.
        low_hz, high_hz: where the first band begins and the last ends.
        floor_db, ceiling_db: energies of a band that become byte 0 and 255; a sine of full scale
            has some -12.
        hop_frames: on the board, frames from one classified window to the next.
        smoothed_windows: on the board, windows whose posteriors are averaged; 1 is no smoothing.
    """

    sample_rate_hz: int = 16000
    clip_ms: int = 1000
    window_ms: float = 30
    step_ms: float = 20
    kind: str = BANDS
    bands: int = 40
    coefficients: int = 10
    low_hz: float = 60
    high_hz: float = 7600
    floor_db: float = -100
    ceiling_db: float = -15
    hop_frames: int = 5
    smoothed_windows: int = 1

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "clip_ms", "bands", "hop_frames", "smoothed_windows"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"{name}={value!r} is no whole number from 1 on; {WHERE}.{name}")
        if self.kind not in (BANDS, COEFFICIENTS):
            raise ConfigError(
                f"kind={self.kind!r} is unknown; legal are {BANDS} and {COEFFICIENTS}; {WHERE}.kind"
            )
        if self.kind == COEFFICIENTS and not 1 <= self.coefficients <= self.bands:
            raise ConfigError(
                f"coefficients={self.coefficients} must lie between 1 and bands={self.bands}; "
                f"{WHERE}.coefficients"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise ConfigError(
                f"low_hz={self.low_hz} and high_hz={self.high_hz} must rise from 0 to half the "
                f"sample rate, {self.sample_rate_hz / 2:g}; {WHERE}"
            )
        if self.floor_db >= self.ceiling_db:
            raise ConfigError(
                f"floor_db={self.floor_db} must lie below ceiling_db={self.ceiling_db}; {WHERE}"
            )
        self._check_times()

    def _check_times(self) -> None:
        if self.step_ms <= 0 or not 0 < self.window_ms <= self.clip_ms:
            raise ConfigError(
                f"window_ms={self.window_ms} and step_ms={self.step_ms} must be above 0, and a "
                f"window no longer than clip_ms={self.clip_ms}; {WHERE}"
            )
        if self.step_samples < 1 or self.step_samples > self.window_samples:
            raise ConfigError(
                f"step_ms={self.step_ms} must be a sample at least, and no more than "
                f"window_ms={self.window_ms}; {WHERE}.step_ms"
            )
        if not 16 <= self.fft_size <= MOST_FFT:
            raise ConfigError(
                f"window_ms={self.window_ms} is {self.window_samples} samples; legal are 9 to "
                f"{MOST_FFT}; {WHERE}.window_ms"
            )

    @property
    def clip_samples(self) -> int:
        """Samples of a clip."""
        return self._samples(self.clip_ms)

    @property
    def window_samples(self) -> int:
        """Samples of a frame."""
        return self._samples(self.window_ms)

    @property
    def step_samples(self) -> int:
        """Samples from the start of a frame to that of the next."""
        return self._samples(self.step_ms)

    @property
    def fft_size(self) -> int:
        """The smallest power of two that holds a frame."""
        return 1 << max(0, math.ceil(math.log2(max(1, self.window_samples))))

    @property
    def frames(self) -> int:
        """Frames of a clip: the height of the features."""
        return 1 + (self.clip_samples - self.window_samples) // self.step_samples

    @property
    def columns(self) -> int:
        """Bands or coefficients of a frame: the width of the features."""
        return self.num_coefficients or self.bands

    @property
    def num_coefficients(self) -> int:
        """Of the cosine transform; 0 where the bands themselves are the features."""
        return self.coefficients if self.kind == COEFFICIENTS else 0

    def _samples(self, milliseconds: float) -> int:
        return round(self.sample_rate_hz * milliseconds / 1000)
