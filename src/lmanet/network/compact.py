"""A network in one small safetensors file: weights in half precision, and in the header what else a
checkpoint has.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lmanet.errors import ConfigError

SUFFIX = ".safetensors"
SHIPPED = Path(__file__).parent / "pretrained"
KEYS = ("architecture", "classes", "mean", "std")  # each is JSON in the file's header


def shipped_names() -> list[str]:
    """The networks that come with lmanet, trained."""
    return sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}"))


def shipped(name: str | Path) -> Path | None:
    """The file of a name such as ``cifar100_record``; None where no such network is shipped."""
    return SHIPPED / f"{name}{SUFFIX}" if str(name) in shipped_names() else None


def write_compact(path: Path, content: dict[str, Any]) -> None:
    """Write what `lmanet.network.weights.save_network` keeps, at about two bytes a weight.

    Vectors stay in single precision: variances of batch norm can leave the range of half precision,
    and they are few.
    """
    tensors = {name: _halved(tensor) for name, tensor in content["state_dict"].items()}
    save_file(tensors, path, {key: json.dumps(content[key]) for key in KEYS})


def read_compact(path: Path) -> dict[str, Any]:
    """The same content again, in single precision.

    Raises:
        ConfigError: there is no such file, or it was not written by `write_compact`.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            names = list(file.keys())  # it is no mapping, and has no other way to its names
            tensors = {name: _single(file.get_tensor(name)) for name in names}
    except FileNotFoundError:
        raise ConfigError(f"no checkpoint at {path}; pass one with checkpoint=") from None
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as weights: {error}; pass another") from None
    try:
        return {**{key: json.loads(header[key]) for key in KEYS}, "state_dict": tensors}
    except (KeyError, ValueError):
        raise ConfigError(
            f"{path} does not say the {', '.join(KEYS)} of its network; pass a file that "
            "lmanet.save_network wrote"
        ) from None


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half().contiguous() if tensor.ndim > 1 else tensor.contiguous()


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype is torch.float16 else tensor
