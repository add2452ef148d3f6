"""The forms of network that the spaces propose: what is known of each without knowing its space."""

import hashlib
from functools import lru_cache
from typing import overload

from lmanet.cost.estimate import Cost, estimate_network
from lmanet.cost.platform import Platform
from lmanet.errors import ConfigError
from lmanet.network.architecture import Architecture
from lmanet.network.graph import operators_id
from lmanet.space.cells.cell import Cell
from lmanet.space.cells.cost import CellCost, cell_cost

AnyArchitecture = Architecture | Cell
AnyCost = Cost | CellCost


@lru_cache(maxsize=65536)
def architecture_id(architecture: AnyArchitecture) -> str:
    """Twelve hexadecimal digits, equal for two architectures exactly where their operators are
    equal.

    A field without effect (see `lmanet.network.architecture.has_effect`) or another division into
    stages does not change it.
    Two cells have one id only where every edge is the same, as in their table: isomorphic cells are
    two networks there.
    """
    if isinstance(architecture, Cell):
        return hashlib.sha256(architecture.text.encode()).hexdigest()[:12]
    return operators_id(architecture)


@overload
def estimate_on(architecture: Architecture, num_classes: int, platform: Platform) -> Cost: ...


@overload
def estimate_on(architecture: Cell, num_classes: int, platform: Platform) -> CellCost: ...


def estimate_on(architecture: AnyArchitecture, num_classes: int, platform: Platform) -> AnyCost:
    """What a network costs on a platform. A cell costs the same on all of them."""
    return (
        cell_cost(architecture, num_classes)
        if isinstance(architecture, Cell)
        else estimate_network(architecture, num_classes, platform)
    )


def staged(architecture: AnyArchitecture) -> Architecture:
    """The architecture where a network of stages is needed: to train, distil, deploy or draw it.

    Raises:
        ConfigError: it is a cell, which has no network here.
    """
    if isinstance(architecture, Cell):
        raise ConfigError(
            f"the cell {architecture.text} cannot be trained, distilled, deployed "
            "or drawn, only looked up in its table; "
            "with space=nasbench201 take train=nasbench201 and stages=[search] (conf/config.yaml)"
        )
    return architecture
