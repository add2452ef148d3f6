"""A network that keeps timm's conventions; its weights bear the same names as without them."""

from collections.abc import Sequence
from itertools import groupby
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.build import Network, draw_weights, module_name
from lmanet.network.graph import feature_operators

CLASSIFIER = "classifier.linear.linear"


class TimmNetwork(Network):
    """`lmanet.network.build.Network` with what timm asks of a model.

    Args:
        num_classes: 0 gives the pooled features in place of logits.
        in_chans: None is the architecture's.
        drop_rate: probability of dropout before the linear layer.
        img_size: height and width, pixels, or one number for both; the architecture's where it is
            None. Weights fit at any, but for a signal, of which one side is 1.

    Raises:
        ConfigError: images of another number of channels, or of a size that is no such.
    """

    def __init__(
        self,
        architecture: Architecture,
        num_classes: int = 1000,
        in_chans: int | None = None,
        drop_rate: float = 0.0,
        img_size: int | Sequence[int] | None = None,
    ) -> None:
        channels = architecture.input_channels
        if in_chans not in (None, channels):
            raise ConfigError(
                f"in_chans={in_chans}: this network reads {channels} channels; give it images of "
                f"{channels}, or take another network"
            )
        super().__init__(_at_size(architecture, img_size), num_classes or 1, drop_rate)
        draw_weights(self)
        self.in_chans = channels
        self.num_features = self.head_hidden_size = self.get_classifier().in_features
        self.feature_info = feature_levels(self.architecture)
        if num_classes == 0:
            self.reset_classifier(0)

    def forward_features(self, images: Tensor) -> Tensor:
        """Normalised images (N, channels, H, W) -> last feature maps (N, num_features, H, W)."""
        for block in list(self.children())[:-1]:
            images = block(images)
        return images

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Feature maps -> logits (N, num_classes), or with ``pre_logits`` what the linear layer
        reads (N, num_features).
        """
        flatten, dropout, linear = self.get_submodule("classifier.linear").children()
        pooled: Tensor = dropout(flatten(functional.adaptive_avg_pool2d(features, 1)))
        return pooled if pre_logits else linear(pooled)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> Any:
        """The linear layer; an identity where ``num_classes`` is 0."""
        return self.get_submodule(CLASSIFIER)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a new one with weights of its own.

        Args:
            num_classes: 0 for none.
            global_pool: ``avg`` or None, which keeps it.

        Raises:
            ConfigError: another pooling.
        """
        if global_pool not in (None, "avg"):
            raise ConfigError(
                f"global_pool={global_pool}: these networks pool by the average; leave it out, or "
                "take forward_features"
            )
        self.num_classes = num_classes
        linear = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()
        self.set_submodule(CLASSIFIER, linear)


def feature_levels(architecture: Architecture) -> list[dict[str, Any]]:
    """timm's ``feature_info``: for each reduction of the image the last block whose maps have it,
    finest first.
    """
    levels: dict[int, dict[str, Any]] = {}
    reduction = 1
    for part, group in groupby(feature_operators(architecture), key=lambda operator: operator.part):
        block = list(group)
        reduction *= prod(max(side.stride for side in operator.sides) for operator in block)
        levels[reduction] = {
            "num_chs": block[-1].out_shape[0],
            "reduction": reduction,
            "module": module_name(part),
        }
    return list(levels.values())


def _at_size(architecture: Architecture, img_size: int | Sequence[int] | None) -> Architecture:
    if img_size is None:
        return architecture
    sides = (img_size, img_size) if isinstance(img_size, int) else tuple(img_size)
    flat = [side == 1 for side in architecture.size]
    if len(sides) != 2 or [side == 1 for side in sides] != flat:
        raise ConfigError(
            f"img_size={img_size}: this network was made for {architecture.size[0]} x "
            f"{architecture.size[1]}; pass a height and a width, 1 where that has 1"
        )
    size = dict(zip(("resolution", "width"), sides, strict=True))
    return Architecture.model_validate({**architecture.model_dump(), **size})
