"""The generated C on this machine: a whole test set with the arithmetic of the board."""

import ctypes
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import DeployError
from lmanet.network.images import part_of
from lmanet.network.operators import Shape

MOST_FRAME_SIDE = 4096  # pixels: c/firmware/camera.h


class HostNetwork:
    """A network in a shared library, made by `Toolchain.compile_host_network`.

    Args:
        workers: threads; each has a copy of the library, whose arena is static.

    Raises:
        DeployError: the file is no such library.
    """

    def __init__(self, library: Path, workers: int = 1) -> None:
        # A library that is loaded twice from one path is one library: its copies need paths of
        # their own until they are loaded.
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            copies = [
                shutil.copy(library, Path(folder) / f"{worker}-{library.name}")
                for worker in range(workers)
            ]
            try:
                self._libraries = [ctypes.CDLL(str(copy)) for copy in copies]
                self._functions = [copy.lmanet_run_images for copy in self._libraries]
                self._from_bytes = [copy.lmanet_run_bytes for copy in self._libraries]
                self._from_frames = [copy.lmanet_run_frames for copy in self._libraries]
                shape = (ctypes.c_int32 * 3).in_dll(self._libraries[0], "lmanet_input_shape")
                self.has_camera = bool(self._constant("lmanet_has_camera"))
                self.input_shape: Shape = (shape[0], shape[1], shape[2])
                self.input_bytes, self.output_bytes = (
                    self._constant(f"lmanet_{end}_bytes") for end in ("input", "output")
                )
            except (OSError, ValueError, AttributeError) as error:
                raise DeployError(
                    f"{library} is no library of a network ({error}); make it with "
                    "compile_host_network"
                ) from error

    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Logits (N, classes) of images (N, height, width, channels), or of the same bytes in any
        shape.

        Raises:
            DeployError: the images are not the network's.
        """
        images = np.ascontiguousarray(inputs).reshape(len(inputs), -1)
        if images.dtype != np.int8 or images.shape[1] != self.input_bytes:
            raise DeployError(
                f"inputs are {inputs.dtype} {inputs.shape}; the network takes int8, "
                f"{self.input_bytes} an image"
            )
        return self._in_threads(self._functions, images)

    def run_bytes(self, values: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Logits (N, classes) of bytes as data sets hold them, (N, height, width, channels) of the
        network's input.

        Raises:
            DeployError: they are not the network's.
        """
        values = np.ascontiguousarray(values)
        channels, height, width = self.input_shape
        if values.dtype != np.uint8 or values.shape[1:] != (height, width, channels):
            raise DeployError(
                f"inputs are {values.dtype} {values.shape}; the network takes uint8 (N, {height}, "
                f"{width}, {channels})"
            )
        return self._in_threads(self._from_bytes, values)

    def run_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Logits (N, classes) of frames (N, height, width, 3) of any size, red, green and blue,
        read as the firmware reads them.

        Raises:
            DeployError: these are no such frames, or larger ones than the firmware reads, or the
                network's input is no picture.
        """
        frames = np.ascontiguousarray(frames)
        if not self.has_camera:
            raise DeployError(
                f"the network reads {' x '.join(map(str, self.input_shape))} values, and a camera "
                "gives pictures of 1 or 3 channels, of at most 2048 pixels a side; use run_bytes"
            )
        if (
            frames.dtype != np.uint8
            or frames.ndim != 4
            or frames.shape[3] != 3
            or min(frames.shape[1:3]) < 1
            or max(part_of(frames.shape[1:3], self.input_shape[1:])) > MOST_FRAME_SIDE
        ):
            raise DeployError(
                f"frames are {frames.dtype} {frames.shape}; the firmware reads uint8 (N, height, "
                f"width, 3), the shorter side 1 to {MOST_FRAME_SIDE} pixels"
            )
        height, width = frames.shape[1:3]
        return self._in_threads(
            self._from_frames, frames, ctypes.c_int32(width), ctypes.c_int32(height)
        )

    def _in_threads(
        self,
        functions: "Sequence[ctypes._NamedFuncPointer]",
        images: NDArray[Any],
        *size: ctypes.c_int32,
    ) -> NDArray[np.int8]:
        """Each function, of a library of its own, has its share of the images."""
        logits = np.empty((len(images), self.output_bytes), np.int8)
        share = -(-len(images) // len(functions))
        parts = [slice(start, start + share) for start in range(0, len(images), share)]

        def run(function: "ctypes._NamedFuncPointer", part: slice) -> None:
            count = ctypes.c_int64(len(images[part]))
            function(
                images[part].ctypes.data_as(ctypes.c_void_p),
                *size,
                logits[part].ctypes.data_as(ctypes.c_void_p),
                count,
            )

        with ThreadPoolExecutor(max_workers=len(functions)) as pool:
            list(pool.map(run, functions, parts))
        return logits

    def _constant(self, name: str) -> int:
        return ctypes.c_int.in_dll(self._libraries[0], name).value
