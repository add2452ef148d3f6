"""What may be proposed: `protocol` is all that the rest knows of a space. Each space has a folder:
`stages` (ours and the paper's), `cells` (NAS-Bench-201).
"""

from importlib import import_module
from typing import Any

from lmanet.base import FIRST_NAMES
from lmanet.network.candidate import Candidate
from lmanet.space.cells.cell import Cell
from lmanet.space.cells.space import CellSpace
from lmanet.space.describe import Form, short_number
from lmanet.space.forms import TableCandidate, architecture_id, estimate_on, staged
from lmanet.space.load import load_space
from lmanet.space.protocol import Outline, SearchSpace, Value
from lmanet.space.reading import AnyArchitecture, AnyCost
from lmanet.space.stages.space import Space

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
    # Classes that stood here once: the configurations of old runs name them so.
    for now, first in FIRST_NAMES.items():
        if first == f"{__name__}.{name}":
            module, _, own = now.rpartition(".")
            return getattr(import_module(module), own)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
