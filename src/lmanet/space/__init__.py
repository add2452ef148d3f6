"""What may be proposed, what it costs, and the network that it becomes. Imports no torch: see `lmanet.space.network`."""

from lmanet.space.architecture import Architecture, Head, Stage, Stem, explain_validation, load_architecture, parse_architecture
from lmanet.space.board import Kit, Region
from lmanet.space.c_static import CStaticOptions
from lmanet.space.cell import Cell
from lmanet.space.cell_cost import CellCost
from lmanet.space.cell_space import AnySpace, CellSpace
from lmanet.space.cost import Cost, estimate
from lmanet.space.describe import describe, json_schema, short_number, write_choices, write_proposal
from lmanet.space.forms import AnyArchitecture, AnyCost, architecture_id, estimate_on, staged
from lmanet.space.graph import Operator, operators
from lmanet.space.load import load_space
from lmanet.space.platform import RUNTIMES, Platform, Runtime
from lmanet.space.space import Space
from lmanet.space.target import Target, load_target
from lmanet.space.wire import Form

__all__ = [
    "RUNTIMES",
    "AnyArchitecture",
    "AnyCost",
    "AnySpace",
    "Architecture",
    "CStaticOptions",
    "Cell",
    "CellCost",
    "CellSpace",
    "Cost",
    "Form",
    "Head",
    "Kit",
    "Operator",
    "Platform",
    "Region",
    "Runtime",
    "Space",
    "Stage",
    "Stem",
    "Target",
    "architecture_id",
    "describe",
    "estimate",
    "estimate_on",
    "explain_validation",
    "json_schema",
    "load_architecture",
    "load_space",
    "load_target",
    "operators",
    "parse_architecture",
    "short_number",
    "staged",
    "write_choices",
    "write_proposal",
]
