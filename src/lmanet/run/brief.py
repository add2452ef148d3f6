"""What a search is about and may spend, told once before the first proposal, and what a proposer is
told each time.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from pydantic import Field, SkipValidation

from lmanet.base import Record
from lmanet.cost import Platform
from lmanet.run.records import Trial
from lmanet.space import SearchSpace


class Goal(Record):
    """One objective of the search: a quantity of `Score` or of the cost, and whether more of it is
    better.
    """

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

    space: SearchSpace
    seed: int
    images: str
    num_classes: int
    limits: Mapping[str, int]
    platform: Platform = Platform()
    objectives: tuple[Goal, ...] = ()


class Budget(Record):
    """What a search may spend at most; None is no such limit. ``proposals`` is the ceiling of the
    loop.

    Attributes:
        proposals: trials of any status.
        trained: trials that were trained.
        seconds: of searching, over all parts of a resumed run.
        tokens: prompt and completion tokens together.
        training_seconds: of all trainings together, as their scores say: the simulated clock of a
            table of trainings.
        epochs: of all trainings together, as their curves say.
    """

    proposals: int = Field(ge=1)
    trained: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    training_seconds: float | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, ge=1)


class Request(Record):
    """What a proposer is given.

    Attributes:
        number: of the first trial that the answer becomes; with the run's seed it fixes every draw,
            also after a resume.
        count: proposals wanted.
        trials: the history so far.
        front: its non-dominated trials.
        compose: writes the feedback; not called where no proposer reads it.
        training: ids of the networks that are being trained.
        tokens_left: of the run's budget; None is no limit.
    """

    number: int
    count: int
    trials: SkipValidation[Sequence[Trial]] = ()
    front: tuple[Trial, ...] = ()
    compose: Callable[[], str] = str
    training: tuple[str, ...] = ()
    tokens_left: int | None = None

    @cached_property
    def feedback(self) -> str:
        """Text for the model."""
        return self.compose()
