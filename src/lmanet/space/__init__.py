"""What may be proposed. Each space has a folder: `stages` (ours and the paper's), `cells`
(NAS-Bench-201).
"""

from importlib import import_module
from typing import Any

from lmanet.space.cells.cell import Cell
from lmanet.space.cells.cost import CellCost
from lmanet.space.cells.space import AnySpace, CellSpace
from lmanet.space.describe import describe, json_schema, short_number, write_choices, write_proposal
from lmanet.space.forms import AnyArchitecture, AnyCost, architecture_id, estimate_on, staged
from lmanet.space.load import load_space
from lmanet.space.stages.space import Space
from lmanet.space.stages.wire import Form

# Classes that stood here once: the configurations of old runs name them so.
MOVED = {"CStaticOptions": "lmanet.cost", "Kit": "lmanet.board", "Region": "lmanet.board"}

__all__ = [
    "AnyArchitecture",
    "AnyCost",
    "AnySpace",
    "Cell",
    "CellCost",
    "CellSpace",
    "Form",
    "Space",
    "architecture_id",
    "describe",
    "estimate_on",
    "json_schema",
    "load_space",
    "short_number",
    "staged",
    "write_choices",
    "write_proposal",
]


def __getattr__(name: str) -> Any:
    if name in MOVED:
        return getattr(import_module(MOVED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
