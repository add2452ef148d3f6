"""ZeroCost: which proxies are asked, and with how many images."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lmanet.errors import ConfigError, TrainingError
from lmanet.network import Architecture
from lmanet.network.build import build
from lmanet.train.zero_cost.az_nas import expressivity, progressivity, trainability
from lmanet.train.zero_cost.naswot import naswot
from lmanet.train.zero_cost.proxy import Proxy
from lmanet.train.zero_cost.size import depth, macs, params
from lmanet.train.zero_cost.synflow import synflow
from lmanet.train.zero_cost.zen import zen
from lmanet.train.zero_cost.zico import zico

PROXIES: Mapping[str, Proxy] = {
    "params": params,
    "macs": macs,
    "depth": depth,
    "synflow": synflow,
    "naswot": naswot,
    "zen": zen,
    "zico": zico,
    "expressivity": expressivity,
    "progressivity": progressivity,
    "trainability": trainability,
}


class ZeroCost:
    """Some of the proxies.

    Args:
        proxies: their names in `PROXIES`.
        images: of the training set, the same for all networks.

    Raises:
        ConfigError: an unknown proxy, none, or too few images.
    """

    def __init__(self, proxies: Sequence[str], images: int = 64) -> None:
        self.proxies, self.images = tuple(proxies), images
        if not proxies or (unknown := set(proxies) - set(PROXIES)):
            given = ", ".join(sorted(unknown)) if proxies else "none"
            raise ConfigError(
                f"zero-cost proxies: {given} given; legal are {', '.join(PROXIES)} "
                "(zero_cost.proxies in conf/train)"
            )
        if images < 2:
            raise ConfigError(
                f"zero_cost.images={images} must be at least 2, for batch norm; correct it in "
                "conf/train"
            )

    def measure(
        self,
        architecture: Architecture,
        num_classes: int,
        images: Tensor,
        labels: Tensor,
        seed: int,
    ) -> dict[str, float]:
        """Every proxy of an architecture's network; more is better.

        Args:
            images: (N, 3, R, R) of the architecture's resolution, normalised.
            labels: int64 (N,).
            seed: of the weights, and of what a proxy draws; torch's global random numbers stay as
                they are.

        Raises:
            TrainingError: a value is not finite, which no rank could hold.
        """
        values = {}
        with torch.random.fork_rng([images.device] if images.is_cuda else []), torch.enable_grad():
            for name in self.proxies:
                torch.manual_seed(seed)
                network = build(architecture, num_classes).to(images.device)
                values[name] = PROXIES[name](network, images, labels)
        if lost := [
            f"{name}={value}" for name, value in values.items() if not math.isfinite(value)
        ]:
            raise TrainingError(
                f"zero-cost proxy not finite: {', '.join(lost)}; such a network can neither be "
                "ranked nor trained in float32"
            )
        return values
