"""What a run's folder holds, read into records; a stage that was not run has left no file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lmanet.base import Notice
from lmanet.cost import Platform
from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder, ranked
from lmanet.run.provenance import Provenance
from lmanet.run.records import Front, Trial
from lmanet.run.results import (
    BoardRun,
    Deployment,
    DesignRules,
    Evaluation,
    Examination,
    MeasuredCandidate,
    TrainedNetwork,
    TrainedTeacher,
)
from lmanet.space import SearchSpace
from lmanet.steps import Pareto


class Board(Protocol):
    """What the report says of a target."""

    @property
    def name(self) -> str:
        """Of its file in conf/target."""

    @property
    def board(self) -> str:
        """In words."""

    @property
    def platform(self) -> Platform:
        """Where the cost of a network is counted."""

    @property
    def limits(self) -> Mapping[str, int]:
        """Quantity of `Cost` -> the most that a network may take."""


@dataclass(frozen=True)
class Setting:
    """What a report needs to know beside a run's files; all of the run.

    Attributes:
        num_classes: of its images.
        images: what they are, in words; empty where that is not known.
        budget: of the search; None where it is not known.
    """

    pareto: Pareto
    target: Board
    num_classes: int
    space: SearchSpace
    images: str = ""
    budget: Budget | None = None


@dataclass(frozen=True)
class RunFiles:
    """The content of a run's folder.

    Attributes:
        full, distilled: networks trained to the end, without and with a teacher.
        measured: networks of the front in the true runtimes.
        deployments: networks in int8 with their files.
        boards: of these, those that were to be measured on a board.
        teacher: None where the student had none.
        examination: of the best network; None where the stage `explain` was not run.
        rules: what the model says that the search has learned; None where it was not asked.
        provenance: one entry a start of the run.
        notices: what was off, as it was said while the run went on.
        checksum: of training and validation images; None where there was no search.
        overrides: of the command line.
        seed: of the run; None where Hydra wrote no configuration.
    """

    trials: tuple[Trial, ...]
    front: Front
    full: tuple[TrainedNetwork, ...]
    distilled: tuple[TrainedNetwork, ...]
    measured: tuple[MeasuredCandidate, ...]
    deployments: tuple[Deployment, ...]
    boards: tuple[BoardRun, ...]
    tests: tuple[Evaluation, ...]
    teacher: TrainedTeacher | None
    examination: Examination | None
    rules: DesignRules | None
    provenance: tuple[Provenance, ...]
    notices: tuple[Notice, ...]
    checksum: str | None
    overrides: tuple[str, ...]
    seed: int | None

    @property
    def teacher_is_no_better(self) -> bool:
        """Than the network that it would teach, so that stage `distill` was skipped."""
        best = max((network.score.val_accuracy for network in self.full), default=0.0)
        return self.teacher is not None and self.teacher.score.val_accuracy <= best

    @property
    def donors(self) -> tuple[str, ...]:
        """Names of the networks whose weights the full trainings began with."""
        names = (network.began_as for network in self.full)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def best(self) -> Trial | TrainedNetwork | None:
        """The network of ``student.ckpt``, which is the best by validation; before any was trained
        in full, the front's first.
        """
        if finished := self.full + self.distilled:
            return ranked(finished)[0]
        return self.front.trials[0] if self.front.trials else None


def read_run(folder: RunFolder) -> RunFiles:
    """Read all that a run has left so far.

    Raises:
        HistoryError: a file is there and cannot be read.
    """
    return RunFiles(
        trials=tuple(folder.trials()),
        front=folder.front.read() or Front(hypervolume=0.0, trials=()),
        full=tuple(folder.full.read()),
        distilled=tuple(folder.distilled.read()),
        measured=tuple(folder.measured.read()),
        deployments=tuple(folder.deployments.read()),
        boards=tuple(folder.boards.read()),
        tests=tuple(folder.tests.read()),
        teacher=folder.teacher.read(),
        examination=folder.examination.read(),
        rules=folder.rules.read(),
        provenance=tuple(folder.provenance.read()),
        notices=tuple(folder.notices.read()),
        checksum=folder.settings().get("data_checksum"),
        overrides=folder.overrides(),
        seed=folder.config().get("seed"),
    )
