"""What a run's folder holds, read into records; a stage that was not run has left no file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lmanet.records import Evaluation, Front, TrainedNetwork, Trial
from lmanet.runfiles import DISTILL, FRONT, FULL, HISTORY, TEST, read_record, read_records


@dataclass(frozen=True)
class RunFiles:
    """The content of a run's folder.

    Attributes:
        full, distilled: networks trained to the end, without and with a teacher.
        teacher: content of ``teacher.json``; empty where no teacher was trained here.
        overrides: of the command line.
        seed: of the run; None where Hydra wrote no configuration.
    """

    trials: tuple[Trial, ...]
    front: Front
    full: tuple[TrainedNetwork, ...]
    distilled: tuple[TrainedNetwork, ...]
    tests: tuple[Evaluation, ...]
    teacher: Mapping[str, Any]
    overrides: tuple[str, ...]
    seed: int | None

    @property
    def best(self) -> Trial | TrainedNetwork | None:
        """The network with the highest validation accuracy of the last stage that trained any."""
        finished = self.distilled or self.full
        if finished:
            return max(finished, key=lambda network: network.score.val_accuracy)
        return self.front.trials[0] if self.front.trials else None


def read_run(folder: Path) -> RunFiles:
    """Read all that a run has left so far.

    Raises:
        HistoryError: a file is there and cannot be read.
    """
    teacher = folder / "teacher.json"
    config = _read_yaml(folder / ".hydra" / "config.yaml") or {}
    return RunFiles(
        trials=tuple(read_records(folder / HISTORY, Trial)),
        front=read_record(folder / FRONT, Front) if (folder / FRONT).exists() else Front(hypervolume=0.0, trials=()),
        full=tuple(read_records(folder / FULL, TrainedNetwork)),
        distilled=tuple(read_records(folder / DISTILL, TrainedNetwork)),
        tests=tuple(read_records(folder / TEST, Evaluation)),
        teacher=json.loads(teacher.read_text(encoding="utf-8")) if teacher.exists() else {},
        overrides=tuple(map(str, _read_yaml(folder / ".hydra" / "overrides.yaml") or ())),
        seed=config.get("seed"),
    )


def _read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
