"""What a run's folder holds, read into records; a stage that was not run has left no file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lmanet.records import Front, Trial
from lmanet.results import Deployment, Evaluation, MeasuredCandidate, TrainedNetwork, TrainedTeacher
from lmanet.runfiles import DEPLOY, DISTILL, FRONT, FULL, MEASURED, TEACHER, TEST, read_record, read_records, read_trials


@dataclass(frozen=True)
class RunFiles:
    """The content of a run's folder.

    Attributes:
        full, distilled: networks trained to the end, without and with a teacher.
        measured: networks of the front in the true runtimes.
        deployments: networks in int8 with their files.
        teacher: None where the student had none.
        overrides: of the command line.
        seed: of the run; None where Hydra wrote no configuration.
    """

    trials: tuple[Trial, ...]
    front: Front
    full: tuple[TrainedNetwork, ...]
    distilled: tuple[TrainedNetwork, ...]
    measured: tuple[MeasuredCandidate, ...]
    deployments: tuple[Deployment, ...]
    tests: tuple[Evaluation, ...]
    teacher: TrainedTeacher | None
    overrides: tuple[str, ...]
    seed: int | None

    @property
    def best(self) -> Trial | TrainedNetwork | None:
        """The network of ``student.ckpt``, which is the best by validation; before any was trained in full, the front's first."""
        if finished := self.full + self.distilled:
            return max(reversed(finished), key=lambda network: network.score.val_accuracy)
        return self.front.trials[0] if self.front.trials else None


def read_run(folder: Path) -> RunFiles:
    """Read all that a run has left so far.

    Raises:
        HistoryError: a file is there and cannot be read.
    """
    config = _read_yaml(folder / ".hydra" / "config.yaml") or {}
    return RunFiles(
        trials=tuple(read_trials(folder)),
        front=read_record(folder / FRONT, Front) if (folder / FRONT).exists() else Front(hypervolume=0.0, trials=()),
        full=tuple(read_records(folder / FULL, TrainedNetwork)),
        distilled=tuple(read_records(folder / DISTILL, TrainedNetwork)),
        measured=tuple(read_records(folder / MEASURED, MeasuredCandidate)),
        deployments=tuple(read_records(folder / DEPLOY, Deployment)),
        tests=tuple(read_records(folder / TEST, Evaluation)),
        teacher=read_record(folder / TEACHER, TrainedTeacher) if (folder / TEACHER).exists() else None,
        overrides=tuple(map(str, _read_yaml(folder / ".hydra" / "overrides.yaml") or ())),
        seed=config.get("seed"),
    )


def _read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
