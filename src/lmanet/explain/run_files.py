"""What a run's folder holds, read into records; a stage that was not run has left no file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from lmanet.errors import HistoryError
from lmanet.records import Evaluation, Front, Record, TrainedNetwork, Trial
from lmanet.space import explain_validation

R = TypeVar("R", bound=Record)


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
    front = folder / "front.json"
    teacher = folder / "teacher.json"
    config = _read_yaml(folder / ".hydra" / "config.yaml") or {}
    return RunFiles(
        trials=_read_lines(folder / "history.jsonl", Trial),
        front=_parse(front, "", front.read_bytes(), Front) if front.exists() else Front(hypervolume=0.0, trials=()),
        full=_read_lines(folder / "full.jsonl", TrainedNetwork),
        distilled=_read_lines(folder / "distill.jsonl", TrainedNetwork),
        tests=_read_lines(folder / "test.jsonl", Evaluation),
        teacher=json.loads(teacher.read_text(encoding="utf-8")) if teacher.exists() else {},
        overrides=tuple(map(str, _read_yaml(folder / ".hydra" / "overrides.yaml") or ())),
        seed=config.get("seed"),
    )


def _read_lines(path: Path, kind: type[R]) -> tuple[R, ...]:
    # not splitlines(): a model's reply may hold U+2028, which JSON leaves as it is
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return tuple(_parse(path, f", line {number},", line, kind) for number, line in enumerate(lines, start=1) if line)


def _parse(path: Path, where: str, content: bytes, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        fault = explain_validation(error, most=1)
        raise HistoryError(
            f"{path}{where} is no {kind.__name__} ({fault}); correct or remove it, then run stages=[report] again"
        ) from error


def _read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
