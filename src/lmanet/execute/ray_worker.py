"""The worker of a Ray cluster: what runs in an actor, on whichever node."""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from platform import node, python_version
from typing import Any, NamedTuple

import ray
import torch

from lmanet.calls import Call, Returned, attempt
from lmanet.execute.parcel import Files, News, unpack
from lmanet.steps import CarriedData

ALIKE = ("lmanet", "torch")  # packages that decide what a training gives


class Greeting(NamedTuple):
    """What a worker says of itself.

    Attributes:
        host: name of its machine.
        versions: package -> version, which must be those of the run.
    """

    host: str
    process: int
    versions: dict[str, str]


class Order(NamedTuple):
    """A call on its way.

    Attributes:
        content: number, function and arguments, packed.
        shared: a reference to what was packed of the call's ``shared``; within a list, so that Ray
            does not fetch it with each call.
        names: of its files.
        files: what is in them.
    """

    content: bytes
    shared: "list[ray.ObjectRef[bytes]]"
    names: tuple[str, ...]
    files: News


class RayWorker:
    """Computes one call at a time; while it does, another thread answers for it.

    Args:
        threads: CPU threads of a call.
        gpu_share: of the memory of its GPU, which it may take; 0 is no GPU.
        carried: the data, and the images that the run has opened.
    """

    def __init__(self, threads: int, gpu_share: float, carried: tuple[Any, Any]) -> None:
        self.threads = threads
        self.data, images = carried
        if isinstance(self.data, CarriedData):
            self.data.take(images)
        if gpu_share and torch.cuda.is_available():
            # Ray's fractions only count: without this, one process could take all of the memory
            torch.cuda.set_per_process_memory_fraction(gpu_share)
        self._files = Files(Path(), ())
        self._shared: tuple[str, Any] = ("", None)

    def greet(self) -> Greeting:
        """Say who it is."""
        return Greeting(node(), os.getpid(), versions())

    def news(self) -> News:
        """What became of the files of the call that is computed; that it answers is a sign of
        life.
        """
        return self._files.news()

    def run(self, order: Order) -> tuple[Returned, News]:
        """Compute a call, in a folder that is removed at its end."""
        torch.set_num_threads(self.threads)  # here, for it holds for the thread that calls it
        with tempfile.TemporaryDirectory(prefix="lmanet_", ignore_cleanup_errors=True) as folder:
            files = Files(Path(folder), order.names)
            files.take(order.files)
            self._files = files
            number, function, arguments = unpack(order.content, self.data, files)
            returned = attempt(Call(number, function, self._fetched(order.shared[0]), arguments))
            self._files = Files(Path(), ())
            return returned, files.news()

    def _fetched(self, reference: "ray.ObjectRef[bytes]") -> Any:
        """What many calls share, unpacked once; that of earlier calls is let go."""
        if self._shared[0] != reference.hex():
            self._shared = ("", None)
            content = ray.get(reference)
            self._shared = (reference.hex(), unpack(content, self.data, Files(Path(), ())))
        return self._shared[1]


def versions() -> dict[str, str]:
    """Versions of this process; of torch it may be the build for another device."""
    found = {name: version(name).partition("+")[0] for name in ALIKE}
    return {"python": python_version(), **found}
