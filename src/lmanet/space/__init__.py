"""What may be proposed: `protocol` is all that the rest knows of a space. Each space has a folder:
`stages` (ours and the paper's), `cells` (NAS-Bench-201).
"""

from importlib import import_module
from typing import Any

from lmanet.network.candidate import Candidate
from lmanet.space.cells.cell import Cell
from lmanet.space.cells.space import CellSpace
from lmanet.space.describe import Form, short_number
from lmanet.space.forms import TableCandidate, architecture_id, estimate_on, staged
from lmanet.space.load import load_space
from lmanet.space.protocol import Outline, SearchSpace, Value
from lmanet.space.reading import AnyArchitecture, AnyCost
from lmanet.space.stages.space import Space

# Classes that stood here once: the configurations of old runs name them so.
MOVED = {"CStaticOptions": "lmanet.cost", "Kit": "lmanet.board", "Region": "lmanet.board"}

__all__ = [
    "AnyArchitecture",
    "AnyCost",
    "Candidate",
    "Cell",
    "CellSpace",
    "Form",
    "Outline",
    "SearchSpace",
    "Space",
    "TableCandidate",
    "Value",
    "architecture_id",
    "estimate_on",
    "load_space",
    "short_number",
    "staged",
]


def __getattr__(name: str) -> Any:
    if name in MOVED:
        return getattr(import_module(MOVED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
