"""Our networks as models of timm: ``timm.create_model("lmanet_elite")``, and whatever a run has
released.

Importing this module registers the shipped architectures, and ``lmanet_network``, by which
``local-dir:`` finds a released folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, is_model, register_model
from torch import nn

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.network import Architecture, load_architecture, parse_architecture
from lmanet.release.timm_network import CLASSIFIER, TimmNetwork, feature_levels
from lmanet.space import architecture_id

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
ENTRYPOINT = "lmanet_network"
PAPER_CLASSES = 100  # CIFAR-100


def model_name(architecture: Architecture) -> str:
    """Under which a released network is registered: ``lmanet_`` and its id."""
    return f"lmanet_{architecture_id(architecture)}"


def preprocessing(architecture: Architecture) -> dict[str, Any]:
    """timm's ``pretrained_cfg`` as far as it follows from the architecture; timm has no resizing
    like `lmanet.network.images.fit`.
    """
    return {
        "input_size": architecture.input_shape,
        "fixed_input_size": True,
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "classifier": CLASSIFIER,
    }


def _paper(name: str) -> dict[str, Any]:
    return {**preprocessing(load_architecture(name)), "num_classes": PAPER_CLASSES}


# timm looks for it under this name
default_cfgs = generate_default_cfgs(
    {name: _paper(name) for name in ("lmanet_elite", "lmanet_core", "qwnet_core")}
)


def register(folder: str | Path) -> str:
    """Register a released network with timm, weights and all; gives the name for
    ``timm.create_model``.

    Args:
        folder: ``release/lmanet_...`` of a run, or a copy of it.

    Raises:
        ConfigError: the folder holds no released network.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        architecture = parse_architecture(config["model_args"]["architecture"])
        cfg = {
            **config["pretrained_cfg"],
            "num_classes": config["num_classes"],
            "label_names": config["label_names"],
        }
    except (OSError, ValueError, KeyError, TypeError, ArchitectureError) as error:
        raise ConfigError(
            f"{folder} holds no network that lmanet released ({error}); pass a folder below "
            "release/ of a run"
        ) from error
    name = model_name(architecture)
    cfg["file"] = str((folder / WEIGHTS).resolve())
    if is_model(name) and default_cfgs[name].default.file == cfg["file"]:
        return name

    def entrypoint(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        return _create(name, pretrained, architecture, **kwargs)

    entrypoint.__name__ = name
    default_cfgs.update(generate_default_cfgs({name: cfg}))
    register_model(entrypoint)
    return name


@register_model
def lmanet_network(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Any ``architecture``: a shipped name, a file, or its JSON, as the ``config.json`` of a
    released network has it.
    """
    given = kwargs.pop("architecture", None)
    if given is None:
        raise ConfigError(
            f"{ENTRYPOINT} needs architecture=: a shipped name, a file or its JSON; "
            f"local-dir:release/NAME takes it from {CONFIG}"
        )
    architecture = (
        parse_architecture(given) if isinstance(given, Mapping) else load_architecture(given)
    )
    kwargs["pretrained_cfg"] = kwargs.get("pretrained_cfg") or preprocessing(architecture)
    return _create(ENTRYPOINT, pretrained, architecture, **kwargs)


@register_model
def lmanet_elite(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """The paper's LMaNet-Elite, without weights."""
    return _create("lmanet_elite", pretrained, load_architecture("lmanet_elite"), **kwargs)


@register_model
def lmanet_core(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """The paper's LMaNet-Core, without weights."""
    return _create("lmanet_core", pretrained, load_architecture("lmanet_core"), **kwargs)


@register_model
def qwnet_core(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """The paper's QwNet-Core, without weights."""
    return _create("qwnet_core", pretrained, load_architecture("qwnet_core"), **kwargs)


def _create(name: str, pretrained: bool, architecture: Architecture, **kwargs: Any) -> nn.Module:
    levels = tuple(range(len(feature_levels(architecture))))
    model: nn.Module = build_model_with_cfg(
        TimmNetwork,
        name,
        pretrained,
        feature_cfg={"out_indices": levels},
        architecture=architecture,
        **kwargs,
    )
    return model
