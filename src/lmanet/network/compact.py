"""A network in one small safetensors file: weights in half precision or in int8, and in the header
what else a checkpoint has.
"""

import json
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lmanet.errors import ConfigError

SUFFIX = ".safetensors"
SHIPPED = Path(__file__).parent / "pretrained"
PREFERRED = "cifar100_record"  # of several shipped networks
Weights = Literal["float16", "int8"]
SCALE = ".int8_scale"  # after a weight's name: float32, one a row
MOST = 127  # of an int8 weight; symmetric
KEYS = ("architecture", "classes", "mean", "std")  # each is JSON in the file's header


def shipped_names() -> list[str]:
    """The networks that come with lmanet, trained."""
    return sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}"))


def preferred() -> str | None:
    """The shipped network that is taken where none is named; None where none is shipped."""
    names = shipped_names()
    return PREFERRED if PREFERRED in names else next(iter(names), None)


def shipped(name: str | Path) -> Path | None:
    """The file of a name such as ``cifar100_record``; None where no such network is shipped."""
    return SHIPPED / f"{name}{SUFFIX}" if str(name) in shipped_names() else None


def write_compact(path: Path, content: dict[str, Any], weights: Weights = "float16") -> None:
    """Write what `lmanet.network.weights.save_network` keeps, at about two bytes a weight, or one.

    Vectors stay in single precision: variances of batch norm can leave the range of half precision,
    and they are few.

    Args:
        weights: ``int8`` divides each row of a weight, the output channel, by a scale of its own
            and rounds; it changes what the network says, a little.
    """
    if weights not in get_args(Weights):
        legal = ", ".join(get_args(Weights))
        raise ConfigError(f"weights={weights!r}: a file holds {legal}; choose one of them")
    tensors: dict[str, Tensor] = {}
    for name, tensor in content["state_dict"].items():
        if weights == "int8" and tensor.ndim > 1:
            tensors[name], tensors[name + SCALE] = _in_int8(tensor)
        else:
            tensors[name] = _halved(tensor)
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
            stored = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise ConfigError(f"no checkpoint at {path}; name a file that is there") from None
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as weights: {error}; pass another") from None
    tensors = {
        name: _single(path, name, tensor, stored.get(name + SCALE))
        for name, tensor in stored.items()
        if not name.endswith(SCALE)
    }
    try:
        return {**{key: json.loads(header[key]) for key in KEYS}, "state_dict": tensors}
    except (KeyError, ValueError):
        raise ConfigError(
            f"{path} does not say the {', '.join(KEYS)} of its network; pass a file that "
            "lmanet.save_network wrote"
        ) from None


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half().contiguous() if tensor.ndim > 1 else tensor.contiguous()


def _in_int8(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers -127 to 127, and for each row the step between them."""
    rows = tensor.float().flatten(1)
    scale = (rows.abs().amax(dim=1) / MOST).clamp_min(torch.finfo(torch.float32).tiny)
    whole = (rows / scale[:, None]).round().clamp(-MOST, MOST)
    return whole.to(torch.int8).view(tensor.shape).contiguous(), scale.contiguous()


def _single(path: Path, name: str, tensor: Tensor, scale: Tensor | None) -> Tensor:
    if tensor.dtype is not torch.int8:
        return tensor.float() if tensor.dtype is torch.float16 else tensor
    if scale is None or tensor.ndim < 2 or scale.shape != tensor.shape[:1]:
        raise ConfigError(
            f"{path} has int8 weights {name} without a scale for each of their rows; pass a file "
            "that lmanet.save_network wrote"
        )
    return tensor.float() * scale.float().view(-1, *[1] * (tensor.ndim - 1))
