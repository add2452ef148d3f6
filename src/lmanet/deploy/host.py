"""The generated C on this machine: a whole test set with the arithmetic of the board."""

import ctypes
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import DeployError


class HostNetwork:
    """A network in a shared library, made by `Toolchain.compile_host_network`.

    Args:
        workers: threads; each has a copy of the library, whose arena is static.

    Raises:
        DeployError: the file is no such library.
    """

    def __init__(self, library: Path, workers: int = 1) -> None:
        # A library that is loaded twice from one path is one library: its copies need paths of their own until they are loaded.
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            copies = [shutil.copy(library, Path(folder) / f"{worker}-{library.name}") for worker in range(workers)]
            try:
                self._libraries = [ctypes.CDLL(str(copy)) for copy in copies]
                self._functions = [copy.lmanet_run_images for copy in self._libraries]
                self.input_bytes, self.output_bytes = (self._constant(f"lmanet_{end}_bytes") for end in ("input", "output"))
            except (OSError, ValueError, AttributeError) as error:
                raise DeployError(f"{library} is no library of a network ({error}); make it with compile_host_network") from error

    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Logits (N, classes) of images (N, height, width, channels), or of the same bytes in any shape.

        Raises:
            DeployError: the images are not the network's.
        """
        images = np.ascontiguousarray(inputs).reshape(len(inputs), -1)
        if images.dtype != np.int8 or images.shape[1] != self.input_bytes:
            raise DeployError(f"inputs are {inputs.dtype} {inputs.shape}; the network takes int8, {self.input_bytes} an image")
        logits = np.empty((len(images), self.output_bytes), np.int8)
        share = -(-len(images) // len(self._functions))
        parts = [slice(start, start + share) for start in range(0, len(images), share)]
        with ThreadPoolExecutor(max_workers=len(self._functions)) as pool:
            list(pool.map(_run, self._functions, [images[part] for part in parts], [logits[part] for part in parts]))
        return logits

    def _constant(self, name: str) -> int:
        return ctypes.c_int.in_dll(self._libraries[0], name).value


def _run(function: "ctypes._NamedFuncPointer", images: NDArray[np.int8], logits: NDArray[np.int8]) -> None:
    function(images.ctypes.data_as(ctypes.c_void_p), logits.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(images)))
