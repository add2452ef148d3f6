"""What a network is: its fields, its operators with shapes, its weights. Torch is imported by
`build` and `weights` alone.
"""

from lmanet.network.architecture import (
    Architecture,
    Head,
    Stage,
    Stem,
    explain_validation,
    load_architecture,
    parse_architecture,
)
from lmanet.network.candidate import Candidate
from lmanet.network.graph import Operator

__all__ = [
    "Architecture",
    "Candidate",
    "Head",
    "Operator",
    "Stage",
    "Stem",
    "explain_validation",
    "load_architecture",
    "parse_architecture",
]
