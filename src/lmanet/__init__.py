"""lmanet: a language model searches for image classifiers that fit a microcontroller."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lmanet.board import Target, load_target
from lmanet.cost import estimate
from lmanet.errors import LmanetError
from lmanet.network import Architecture, load_architecture
from lmanet.space import Space, architecture_id, load_space

if TYPE_CHECKING:
    from lmanet.deploy import deploy
    from lmanet.network.build import build
    from lmanet.network.weights import load_network, load_published_weights, save_network

__version__ = version("lmanet")
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


def __getattr__(name: str) -> Any:
    # torch takes seconds to import: only what needs it pays.
    if name == "build":
        from lmanet.network.build import build

        return build
    if name in ("load_network", "load_published_weights", "save_network"):
        from lmanet.network import weights

        return getattr(weights, name)
    if name == "deploy":
        return import_module("lmanet.deploy")  # which can be called
    raise AttributeError(f"module 'lmanet' has no attribute {name!r}")
