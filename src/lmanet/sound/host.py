"""The C of the front end on this machine, for training: the same file that goes to the board."""

import ctypes
import hashlib
import importlib.util
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from lmanet.errors import ConfigError, DataError
from lmanet.files import cache_folder
from lmanet.sound.constants import Tables, floor_of, tables_of
from lmanet.sound.front_end import FrontEnd
from lmanet.tool import run_tool

C_FOLDER = Path(__file__).parent / "c"
SOURCE = C_FOLDER / "lmanet_sound.c"
LEAST_CLIPS = 16  # a thread costs as much as a clip
NUMBERS = ("window_samples", "step_samples", "fft_size", "frames", "columns", "bands")


class _Sound(ctypes.Structure):
    """``lmanet_sound`` of lmanet_sound.h."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in (*NUMBERS, "coefficients", "floor")),
        *((name, ctypes.c_void_p) for name in Tables._fields),
    )


class HostFrontEnd:
    """Features of clips, computed by the compiled C of the board.

    Raises:
        ConfigError: no compiler is at hand, or a band has no bin.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self.front_end = front_end
        self._tables = tables_of(front_end)  # the structure points into them
        self._sound = _Sound(
            *(getattr(front_end, name) for name in NUMBERS),
            front_end.num_coefficients,
            floor_of(front_end),
            *(table.ctypes.data for table in self._tables),
        )
        self._clip = _library().lmanet_sound_clip

    def features(self, clips: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Bytes (N, frames, columns) of clips (N, samples).

        Raises:
            DataError: the clips are not 16-bit or not as long as the front end's.
        """
        expected = self.front_end.clip_samples
        if clips.dtype != np.int16 or clips.ndim != 2 or clips.shape[1] != expected:
            raise DataError(
                f"clips are {clips.dtype} {clips.shape}; the front end reads int16 (N, {expected})"
            )
        clips = np.ascontiguousarray(clips)
        features = np.empty((len(clips), self.front_end.frames, self.front_end.columns), np.uint8)
        share = max(LEAST_CLIPS, -(-len(clips) // cpu_count()))
        parts = [slice(start, start + share) for start in range(0, len(clips), share)]
        with ThreadPoolExecutor(max_workers=max(1, len(parts))) as pool:  # C leaves Python's lock
            list(pool.map(lambda part: self._fill(clips[part], features[part]), parts))
        return features

    def _fill(self, clips: NDArray[np.int16], features: NDArray[np.uint8]) -> None:
        work = np.empty(self.front_end.fft_size + self.front_end.bands, np.int32)
        for clip, row in zip(clips, features, strict=True):
            self._clip(ctypes.byref(self._sound), *map(_address, (clip, work, row)))


def require_compiler() -> tuple[str, ...]:
    """The command of a compiler for this machine.

    Raises:
        ConfigError: there is none.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec and spec.origin:
        return (str(next(Path(spec.origin).parent.glob("zig*"))), "cc")
    if found := shutil.which("cc"):
        return (found,)
    raise ConfigError(
        "the front end of audio is C, and no compiler is at hand to run it here: pip install "
        "'lmanet[deploy]', or install cc"
    )


@cache
def _library() -> ctypes.CDLL:
    command = (*require_compiler(), "-O2", "-std=c11", "-fPIC", "-shared", "-fno-sanitize=all")
    digest = hashlib.sha256(repr(command).encode())
    for source in sorted(C_FOLDER.glob("lmanet_sound.*")):
        digest.update(source.read_bytes())
    library = cache_folder("objects") / f"sound-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        # another process may want it too: it appears whole or not at all
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
            made = Path(scratch) / library.name
            run_tool((*command, "-o", str(made), str(SOURCE)), zig_cache=Path(scratch))
            made.replace(library)
    return ctypes.CDLL(str(library))


def _address(array: NDArray[Any]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)
