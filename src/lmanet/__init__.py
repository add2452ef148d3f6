"""lmanet: a language model searches for image classifiers that fit a microcontroller."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lmanet.errors import LmanetError

if TYPE_CHECKING:
    from lmanet.board import Target, load_target
    from lmanet.cost import estimate
    from lmanet.deploy import deploy
    from lmanet.network import Architecture, load_architecture
    from lmanet.network.build import build
    from lmanet.network.weights import load_network, load_published_weights, save_network
    from lmanet.space import Space, architecture_id, load_space

    __version__: str

__all__ = [
    "Architecture",
    "LmanetError",
    "Space",
    "Target",
    "architecture_id",
    "build",
    "deploy",
    "estimate",
    "load_architecture",
    "load_network",
    "load_published_weights",
    "load_space",
    "load_target",
    "save_network",
]

# numpy and pydantic take half a second to import, torch seconds: only who needs them waits.
_PLACES = {
    "Architecture": "lmanet.network",
    "Space": "lmanet.space",
    "Target": "lmanet.board",
    "architecture_id": "lmanet.space",
    "build": "lmanet.network.build",
    "estimate": "lmanet.cost",
    "load_architecture": "lmanet.network",
    "load_network": "lmanet.network.weights",
    "load_published_weights": "lmanet.network.weights",
    "load_space": "lmanet.space",
    "load_target": "lmanet.board",
    "save_network": "lmanet.network.weights",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    if name == "deploy":
        return import_module("lmanet.deploy")  # which can be called
    if name == "__version__":
        from importlib.metadata import version

        return version("lmanet")
    raise AttributeError(f"module 'lmanet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
