"""Which networks may still be proposed: by formula within every limit, and untried."""

from collections import ChainMap
from collections.abc import Collection

from lmanet.cost.estimate import macs
from lmanet.network.graph import operators
from lmanet.propose.roles.past import Past
from lmanet.run.brief import Brief, Request
from lmanet.space import AnyArchitecture, architecture_id, estimate_on


def tried(request: Request, past: Past) -> Collection[str]:
    """Ids of all networks that were proposed, those in training included."""
    return ChainMap(dict.fromkeys(request.training), past.ids) if request.training else past.ids


def excess(architecture: AnyArchitecture, brief: Brief) -> float:
    """Sum over the limits of the share by which each is exceeded; 0 where all are kept."""
    if not brief.limits:
        return 0.0
    known = estimate_on(architecture, brief.num_classes, brief.platform).quantities()
    return sum(max(known[name] / limit - 1, 0.0) for name, limit in brief.limits.items())


def macs_excess(architecture: AnyArchitecture, brief: Brief) -> float:
    """As `excess`, of multiply-accumulates alone, which need no plan of the memory and so a
    fraction of the time.
    """
    limit = brief.limits.get("macs")
    if limit is None or (network := architecture.network) is None:
        return 0.0
    return max(sum(map(macs, operators(network, brief.num_classes))) / limit - 1, 0.0)


def is_legal(architecture: AnyArchitecture, brief: Brief, known: Collection[str]) -> bool:
    """Within the limits, and its id is not ``known``."""
    return architecture_id(architecture) not in known and is_within(architecture, brief)


def is_within(architecture: AnyArchitecture, brief: Brief) -> bool:
    """By formula, of every limit; the cheapest is looked at first."""
    return macs_excess(architecture, brief) == 0 and excess(architecture, brief) == 0
