"""What a search is about and may spend: told once, before the first proposal."""

from collections.abc import Mapping

from pydantic import Field

from lmanet.records import Record
from lmanet.space import AnySpace, Platform


class Goal(Record):
    """One objective of the search: a quantity of `Score` or of the cost, and whether more of it is better."""

    name: str
    maximise: bool


class Brief(Record):
    """What a search is about, as every proposer is told.

    Attributes:
        seed: of the run.
        images: what the images are, in words, for a prompt: "CIFAR-100", "handwritten digits".
        limits: quantity of `Cost` -> the most that the target allows.
        platform: where costs are counted.
        objectives: what the search makes larger or smaller.
    """

    space: AnySpace
    seed: int
    images: str
    num_classes: int
    limits: Mapping[str, int]
    platform: Platform = Platform()
    objectives: tuple[Goal, ...] = ()


class Budget(Record):
    """What a search may spend at most; None is no such limit. ``proposals`` is the ceiling of the loop.

    Attributes:
        proposals: trials of any status.
        trained: trials that were trained.
        seconds: of searching, over all parts of a resumed run.
        tokens: prompt and completion tokens together.
        training_seconds: of all trained networks together, as their scores say: the simulated clock of a table of trainings.
    """

    proposals: int = Field(ge=1)
    trained: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    training_seconds: float | None = Field(default=None, gt=0)
