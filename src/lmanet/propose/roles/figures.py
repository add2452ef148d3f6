"""What a network spends of every limit, part by part: the numbers by which a model can act."""

from lmanet.cost.parts import PartCost, part_costs
from lmanet.run.brief import Brief
from lmanet.space import AnyArchitecture, estimate_on, short_number

BY_PART = ("macs", "peak_sram_bytes", "flash_bytes")  # other limits have no part of their own


def cost_text(architecture: AnyArchitecture, brief: Brief) -> str:
    """``macs 1,234,567, peak_sram_bytes 89,012``: every quantity that is a limit or an objective,
    or the usual where there is none.
    """
    cost = estimate_on(architecture, brief.num_classes, brief.platform)
    names = dict.fromkeys([*brief.limits, *(goal.name for goal in brief.objectives)])
    known = cost.quantities()
    shown = [name for name in names if name in known] or ["macs", "params"]
    return ", ".join(f"{name} {short_number(known[name])}" for name in shown)


def budget_table(architecture: AnyArchitecture, brief: Brief) -> str:
    """One line a part, with its share of each limit; empty where there is no network, and where
    nothing is limited.
    """
    limits = {name: limit for name, limit in brief.limits.items() if name in BY_PART}
    if (network := architecture.network) is None or not limits:
        return ""
    parts = part_costs(network, brief.num_classes, brief.platform)
    peak = max(parts, key=lambda part: part.peak_sram_bytes)
    lines = [
        f"- {_place(part)}: {_shares(part, limits)}{', the peak of SRAM' if part is peak else ''}"
        for part in parts
    ]
    return "\n".join(lines)


def _place(part: PartCost) -> str:
    channels, height, width = part.out_shape
    return f"{part.name} {height}x{width}x{channels}"


def _shares(part: PartCost, limits: dict[str, int]) -> str:
    return ", ".join(f"{name} {getattr(part, name) / limit:.0%}" for name, limit in limits.items())
