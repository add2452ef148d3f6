"""Weights of a network: save, load, and read those that the paper's authors published."""

import errno
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, overload
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch
from torch import Tensor, nn

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.files import replaced
from lmanet.network.architecture import Architecture, parse_architecture
from lmanet.network.build import Network, build
from lmanet.network.compact import (
    SUFFIX,
    Weights,
    read_compact,
    shipped,
    shipped_names,
    write_compact,
)
from lmanet.network.graph import operators

LEAST_WEIGHT_BYTES = 1  # in int8


@dataclass(frozen=True)
class Checkpoint:
    """A trained network with what is needed to use it.

    Attributes:
        classes: names of the classes in the order of the logits.
        mean, std: of each channel of the input, for pixels in 0..1.
    """

    network: Network
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def save_network(path: Path, checkpoint: Checkpoint, weights: Weights = "float16") -> None:
    """Write a checkpoint that `load_network` reads without running any code of the file; a crash
    leaves the old file or the new one.

    Args:
        path: one that ends in ``.safetensors`` holds its weights in the form that ``weights`` says,
            any other in single precision.
        weights: ``float16``, or ``int8`` with a scale for each output channel: half the size, and
            a network that differs a little.
    """
    content = {
        "architecture": checkpoint.network.architecture.model_dump(mode="json"),
        "classes": list(checkpoint.classes),
        "mean": list(checkpoint.mean),
        "std": list(checkpoint.std),
        "state_dict": {
            name: tensor.detach().cpu() for name, tensor in checkpoint.network.state_dict().items()
        },
    }
    if Path(path).suffix == SUFFIX:
        with replaced(Path(path)) as partial:
            write_compact(partial, content, weights)
    else:
        save_tensors(Path(path), content)


def save_tensors(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by a dictionary of tensors and plain values.

    Raises:
        DiskError: the disk does not take it.
    """
    # In memory first: writing to a full disk, torch says nothing of a disk.
    buffer = BytesIO()
    torch.save(content, buffer)
    with replaced(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def load_network(path: Path | str) -> Checkpoint:
    """Read what `save_network` wrote.

    Args:
        path: of the file, or the name of a network that is shipped with its weights.

    Raises:
        ConfigError: the file is missing, is not a checkpoint of ours, or its weights do not fit its
            architecture.
    """
    path = _file_of(path)
    content = read_compact(path) if path.suffix == SUFFIX else _read(path)
    try:
        network = _built(path, parse_architecture(content["architecture"]), len(content["classes"]))
        network.load_state_dict(content["state_dict"])
        mean, std = tuple(content["mean"]), tuple(content["std"])
        if not len(mean) == len(std) == network.architecture.input_channels:
            raise KeyError("its normalisation is not of the channels of its architecture")
        return Checkpoint(network.eval(), tuple(content["classes"]), mean, std)
    except (KeyError, TypeError, RuntimeError, ArchitectureError) as error:
        raise ConfigError(
            f"{path} is not a checkpoint of lmanet: {str(error).splitlines()[0]}"
        ) from error


@overload
def reordered(network: Network, places: Sequence[int]) -> Network: ...


@overload
def reordered(network: nn.Module, places: Sequence[int]) -> nn.Module: ...


def reordered(network: nn.Module, places: Sequence[int]) -> nn.Module:
    """The same network with its logits in another order.

    Args:
        places: for each new logit the old one, as of `lmanet.network.classes.match_classes`.
    """
    order = torch.tensor(places)
    if torch.equal(order, torch.arange(len(order))):
        return network
    if not isinstance(network, Network):
        return _Reordered(network, order)
    changed = deepcopy(network)
    linear = changed[-1].get_submodule("linear.linear")
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.copy_(parameter[order])
    return changed


class _Reordered(nn.Module):
    """A module whose weights nothing is known of, such as a network in C."""

    order: Tensor

    def __init__(self, network: nn.Module, order: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("order", order)
        for name in ("reads_frames", "input_resolution"):  # what whoever measures it asks for
            if hasattr(network, name):
                setattr(self, name, getattr(network, name))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits[:, self.order]


def load_published_weights(path: Path, architecture: Architecture) -> Network:
    """Read a state dict of the paper's public code into our network.

    The two list the same tensors in the same order, so each is taken in turn and its shape and kind
    are checked.

    Raises:
        ConfigError: the file is missing or its tensors are not those of the architecture.
    """
    published = {name: tensor for name, tensor in _read(path).items() if isinstance(tensor, Tensor)}
    num_classes = published["classifier.bias"].numel() if "classifier.bias" in published else 1
    if num_classes > path.stat().st_size:  # a tensor may say that it is larger than its memory
        num_classes = 1
    network = build(architecture, num_classes)
    own = network.state_dict()
    if [_signature(item) for item in published.items()] != [
        _signature(item) for item in own.items()
    ]:
        raise ConfigError(
            f"{path} does not hold the weights of this architecture; pass arch= and checkpoint= of "
            "one network"
        )
    network.load_state_dict(dict(zip(own, published.values(), strict=True)))
    return network.eval()


def _built(path: Path, architecture: Architecture, num_classes: int) -> Network:
    """A network for the weights of a file, which must be large enough to hold them: a line of text
    can ask for a hundred GB.
    """
    weights = sum(operator.weights for operator in operators(architecture, num_classes))
    if LEAST_WEIGHT_BYTES * weights > (size := path.stat().st_size):
        raise ConfigError(
            f"{path} has {size:,} bytes, too few for the {weights:,} weights of its architecture "
            f"with {num_classes:,} classes; pass another with checkpoint="
        )
    return build(architecture, num_classes)


def refuse_compressed(path: Path) -> None:
    """Raises `ConfigError` where a file of torch's has compressed parts, which torch writes in
    none: a few KB may unfold to many GB.
    """
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        if any(part.compress_type != ZIP_STORED for part in archive.infolist()):
            raise ConfigError(f"{path} is compressed, which torch's files are not; save it anew")


def why_unreadable(error: Exception) -> str:
    """Why a file gave no weights; torch's own words would advise to run whatever the file holds."""
    if isinstance(error, UnpicklingError) or "weights_only" in str(error):
        return "it holds more than tensors, which is never run"
    if isinstance(error, EOFError):
        return "it is empty or cut off"
    return (
        (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, OSError) and error.errno != errno.EINVAL  # torch sought too far
        else "it is no file of torch's, or not whole"
    )


def _file_of(given: Path | str) -> Path:
    """The file of a shipped name, or of a path."""
    path = Path(given)
    if found := shipped(given):
        return found
    if isinstance(given, str) and not path.suffix and not path.exists():
        known = ", ".join(shipped_names()) or "none in this version"
        raise ConfigError(
            f"no checkpoint at {given}, and no network of that name is shipped (there are: "
            f"{known}); pass the path of a checkpoint"
        )
    return path


def _signature(item: tuple[str, Tensor]) -> tuple[str, tuple[int, ...]]:
    return item[0].rpartition(".")[2], tuple(item[1].shape)


def _read(path: Path) -> dict[str, Any]:
    try:
        refuse_compressed(path)
        with warnings.catch_warnings(action="ignore"):  # of files that are refused
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"no checkpoint at {path}; name a file that is there") from None
    except ConfigError:
        raise
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise ConfigError(
            f"{path} cannot be read as a checkpoint: {why_unreadable(error)}; pass another with "
            "checkpoint=, or resume its run with the stage that trained it"
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds a {type(content).__name__}, not a dictionary of weights")
    return content
