"""Our networks as models of timm: ``timm.create_model("lmanet_elite")``, and whatever a run has released.

Importing this module registers the shipped architectures, and ``lmanet_network``, by which ``local-dir:`` finds a released folder.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from timm.models import build_model_with_cfg, is_model, register_model
from torch import Tensor, nn

from lmanet.errors import ConfigError
from lmanet.space import Architecture, load_architecture, parse_architecture
from lmanet.space.network import Network

CONFIG = "config.json"
ENTRYPOINT = "lmanet_network"
SHIPPED = ("lmanet_elite", "lmanet_core", "qwnet_core")
CLASSIFIER = "classifier.linear.linear"
default_cfgs: dict[str, dict[str, Any]] = {}  # where timm looks


class TimmNetwork(Network):
    """A `Network` with what timm expects of a model; its weights have the same names.

    Args:
        architecture: ours, or as `Architecture.model_dump` writes it.
        num_classes: 0 is none: the pooled features come out.
        in_chans: RGB, 3; no other number is known here.
        drop_rate: dropout before the classifier.
    """

    def __init__(
        self, architecture: Architecture | Mapping[str, Any], num_classes: int = 1000, in_chans: int = 3, drop_rate: float = 0.0
    ) -> None:
        if in_chans != 3:
            raise ConfigError(f"in_chans={in_chans}: networks of lmanet read RGB images, 3 channels")
        known = architecture if isinstance(architecture, Architecture) else parse_architecture(dict(architecture))
        super().__init__(known, max(num_classes, 1), drop_rate)
        self.num_features = self.head_hidden_size = self.get_classifier().in_features
        if num_classes == 0:
            self.reset_classifier(0)

    def forward_features(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, R, R) -> the last feature map (N, num_features, h, w)."""
        for name, block in self.named_children():
            if name != "classifier":
                images = block(images)
        return images

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Feature map -> logits, or pooled features (N, num_features)."""
        if not pre_logits:
            logits: Tensor = self.get_submodule("classifier")(features)
            return logits
        return nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)

    def get_classifier(self) -> Any:
        """The linear layer, or an identity."""
        return self.get_submodule(CLASSIFIER)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one; 0 takes it away.

        Raises:
            ConfigError: another pooling than the average is asked for.
        """
        if global_pool not in (None, "avg"):
            raise ConfigError(f"global_pool={global_pool}: networks of lmanet pool by the average, avg")
        fresh = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()
        self.get_submodule(CLASSIFIER.rpartition(".")[0]).add_module("linear", fresh)
        self.num_classes = num_classes


def register(folder: str | Path) -> str:
    """Register the network of a released folder; gives the name for ``timm.create_model(name, checkpoint_path=...)``.

    Raises:
        ConfigError: the folder holds no released network.
    """
    path = Path(folder) / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architecture = parse_architecture(config["model_args"]["architecture"])
        name, cfg = str(config["lmanet"]["name"]), dict(config["pretrained_cfg"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder} holds no network that lmanet released ({path.name}: {error}); pass a folder of release/") from error
    _register(name, architecture, cfg)
    return name


def pretrained_cfg(architecture: Architecture, num_classes: int, mean: tuple[float, ...], std: tuple[float, ...]) -> dict[str, Any]:
    """What timm keeps of a model: how its images are prepared, and where its classifier is."""
    size = architecture.resolution
    first = next(iter(TimmNetwork(architecture, num_classes).named_children()))[0]
    return {
        "num_classes": num_classes,
        "input_size": [3, size, size],
        "fixed_input_size": False,
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "mean": list(mean),
        "std": list(std),
        "first_conv": first,
        "classifier": CLASSIFIER,
    }


def _register(name: str, architecture: Architecture, cfg: dict[str, Any]) -> None:
    if is_model(name):
        return
    default_cfgs[name] = cfg
    _named(name, partial(_build, name, architecture))


def _named(name: str, build: Callable[..., TimmNetwork]) -> None:
    """timm takes name and module of an entry point from the function itself."""

    def entrypoint(pretrained: bool = False, **kwargs: Any) -> TimmNetwork:
        return build(pretrained, **kwargs)

    entrypoint.__name__ = name
    register_model(entrypoint)


def _build(name: str, architecture: Architecture, pretrained: bool, **kwargs: Any) -> TimmNetwork:
    built: TimmNetwork = build_model_with_cfg(TimmNetwork, name, pretrained, **{"architecture": architecture, **kwargs})
    return built


def _build_any(pretrained: bool, architecture: Mapping[str, Any] | None = None, **kwargs: Any) -> TimmNetwork:
    if architecture is None:
        raise ConfigError(f"{ENTRYPOINT} needs architecture=; create_model('local-dir:release/NAME') takes it from {CONFIG}")
    return _build(ENTRYPOINT, parse_architecture(dict(architecture)), pretrained, **kwargs)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of torchvision's models
for _name in SHIPPED:
    if not is_model(_name):
        _architecture = load_architecture(_name)
        _register(_name, _architecture, pretrained_cfg(_architecture, 100, IMAGENET_MEAN, IMAGENET_STD))
if not is_model(ENTRYPOINT):
    default_cfgs[ENTRYPOINT] = {"num_classes": 1000, "input_size": [3, 160, 160], "classifier": CLASSIFIER}
    _named(ENTRYPOINT, _build_any)
