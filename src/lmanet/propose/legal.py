"""Which networks may still be proposed: by formula within every limit, and untried."""

from collections.abc import Collection

from lmanet.brief import Brief
from lmanet.records import Request
from lmanet.space import AnyArchitecture, architecture_id, estimate_on


def tried(request: Request) -> set[str]:
    """Ids of all networks that were proposed, those in training included."""
    return {trial.id for trial in request.trials if trial.id} | set(request.training)


def excess(architecture: AnyArchitecture, brief: Brief) -> float:
    """Sum over the limits of the share by which each is exceeded; 0 where all are kept."""
    if not brief.limits:
        return 0.0
    cost = estimate_on(architecture, brief.num_classes, brief.platform)
    return sum(max(float(getattr(cost, name)) / limit - 1, 0.0) for name, limit in brief.limits.items())


def is_legal(architecture: AnyArchitecture, brief: Brief, known: Collection[str]) -> bool:
    """Within the limits, and its id is not ``known``."""
    return architecture_id(architecture) not in known and excess(architecture, brief) == 0
