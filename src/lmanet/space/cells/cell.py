"""Cell: a network of NAS-Bench-201, which is one small graph of operations, repeated."""

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field

from lmanet.cost.candidate_cost import CandidateCost
from lmanet.errors import ConfigError
from lmanet.network.candidate import Candidate
from lmanet.space.cells.cost import cell_cost
from lmanet.space.forms import TableCandidate

Operation = Literal["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
# In the order in which the benchmark's table counts them.
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
# (from node, to node) in the order of Dong and Yang 2020 (NAS-Bench-201) and of its table: by the
# node that an edge leads to.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


class Cell(TableCandidate):
    """A directed graph of four nodes: node 0 is the cell's input, node 3 its output, each other one
    the sum of its edges.

    Attributes:
        operations: one for each of `EDGES`.
    """

    model_config = ConfigDict(strict=True)

    kind = "a cell"
    instead = "can only be looked up in its table, by train=nasbench201"

    operations: Annotated[
        tuple[Operation, ...], Field(min_length=len(EDGES), max_length=len(EDGES), strict=False)
    ]

    @property
    def text(self) -> str:
        """As the authors of NAS-Bench-201 write it: ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        nodes = [
            "".join(
                f"|{operation}~{start}"
                for (start, end), operation in zip(EDGES, self.operations, strict=True)
                if end == node
            )
            for node in (1, 2, 3)
        ]
        return "+".join(f"{node}|" for node in nodes)

    @property
    def key(self) -> str:
        """As the benchmark's table writes it: one digit an edge, the operation's place in
        `OPERATIONS`.
        """
        return "".join(str(OPERATIONS.index(operation)) for operation in self.operations)

    def cost(self, num_classes: int) -> CandidateCost:
        return cell_cost(self.operations, num_classes)


def require_cell(candidate: Candidate) -> Cell:
    """The cell, where a table of cells is asked.

    Raises:
        ConfigError: the candidate is of another space.
    """
    if not isinstance(candidate, Cell):
        raise ConfigError(
            f"NAS-Bench-201 holds cells, and the candidate is {candidate.kind}; take "
            "space=nasbench201, or another train="
        )
    return candidate
