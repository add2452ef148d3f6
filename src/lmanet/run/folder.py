"""RunFolder: the files of one run by name, through which its stages meet."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from lmanet.base import Notice, Record
from lmanet.errors import ConfigError, HistoryError
from lmanet.files import copy_file, write_text
from lmanet.run.lines import append_record, read_record, read_records, write_record
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

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Record)
HISTORY = "history.jsonl"
FRONT = "front.json"
FULL = "full.jsonl"
DISTILL = "distill.jsonl"
TEACHER = "teacher.json"
MEASURED = "measured.jsonl"
DEPLOY = "deploy.jsonl"
BOARD = "board.jsonl"
TEST = "test.jsonl"
EXAMINATION = "examination.json"
RULES = "rules.json"
PROVENANCE = "provenance.jsonl"
NOTICES = "notices.jsonl"
SETTINGS = "settings.json"
EVENTS = "events.jsonl"
OPTUNA_JOURNAL = "optuna_journal.log"
STUDENT = "student.ckpt"
LOG = "run.log"
PLAN = "plan.txt"
REPORT_HTML, REPORT_MD = "report.html", "report.md"
# Folders of a run. A stage's own weights and files stand below the folder that bears its name.
HYDRA = ".hydra"
DEPLOYED, MEASURED_ON, RELEASED, EXAMINED, PLOTS, COMPARED = (
    "deploy",
    "measure",
    "release",
    "examination",
    "plots",
    "comparison",
)


@dataclass(frozen=True)
class Lines(Generic[R]):
    """A file of a run with records of one kind, one a line; it only grows."""

    path: Path
    kind: type[R]

    def read(self) -> list[R]:
        """All of them; none where there is no file. See `read_records`."""
        return read_records(self.path, self.kind)

    def append(self, record: R) -> None:
        """Add one and force it to the disk."""
        append_record(self.path, record)


@dataclass(frozen=True)
class One(Generic[R]):
    """A file of a run that holds one record."""

    path: Path
    kind: type[R]

    def read(self) -> R | None:
        """The record; None where there is no file. See `read_record`."""
        return read_record(self.path, self.kind) if self.path.exists() else None

    def write(self, record: R) -> None:
        """Replace it; a crash leaves the old one or the new one."""
        write_record(self.path, record)


class RunFolder:
    """A run's folder. A stage that was not run has left no file, and then there is nothing to read.

    Attributes:
        path: of the folder.
        history: every trial, each time that it ended or paused; `trials` has the last of each.
        full, distilled: networks trained to the end, without and with a teacher.
        deployments: networks in int8 with their files.
        boards: deployed networks on a board.
        tests: networks on the test images.
        measured: networks of the front in the true runtimes.
        notices: what was off, as it was said while the run went on.
        provenance: one line a start of the run.
        teacher: absent where the student had none.
        examination: of the best network.
        rules: what the model says that the search has learned.
        student: checkpoint of the best trained network, see `best`.
        events: what happened when.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = folder = Path(path)
        self.history = Lines(folder / HISTORY, Trial)
        self.full = Lines(folder / FULL, TrainedNetwork)
        self.distilled = Lines(folder / DISTILL, TrainedNetwork)
        self.deployments = Lines(folder / DEPLOY, Deployment)
        self.boards = Lines(folder / BOARD, BoardRun)
        self.tests = Lines(folder / TEST, Evaluation)
        self.measured = Lines(folder / MEASURED, MeasuredCandidate)
        self.notices = Lines(folder / NOTICES, Notice)
        self.provenance = Lines(folder / PROVENANCE, Provenance)
        self.front = One(folder / FRONT, Front)
        self.teacher = One(folder / TEACHER, TrainedTeacher)
        self.examination = One(folder / EXAMINATION, Examination)
        self.rules = One(folder / RULES, DesignRules)
        self.student = folder / STUDENT
        self.events = folder / EVENTS

    def trials(self) -> list[Trial]:
        """The trials as they ended last: of several lines with one number the last one counts, in
        its place.
        """
        last: dict[int, Trial] = {}
        for trial in self.history.read():
            last.pop(trial.number, None)
            last[trial.number] = trial
        return list(last.values())

    def trained(self) -> list[TrainedNetwork]:
        """All networks that were trained to the end, in the order of their training."""
        return self.full.read() + self.distilled.read()

    def best(self) -> TrainedNetwork | None:
        """The best trained network, that of ``student.ckpt``; None before one was trained."""
        return next(iter(ranked(self.trained())), None)

    def require_trained(self, purpose: str, other_way: str = "") -> list[TrainedNetwork]:
        """All trained networks, the best first.

        Args:
            purpose: what they are wanted for, as a verb: "deploy".
            other_way: what helps beside training one: "pass checkpoint=".

        Raises:
            ConfigError: there is none.
        """
        if found := ranked(self.trained()):
            return found
        way = f", or {other_way}" if other_way else ""
        raise ConfigError(
            f"{self.path} has no trained network ({FULL}, {DISTILL}) to {purpose}; run the stage "
            f"train first{way}"
        )

    def add_trained(self, network: TrainedNetwork) -> None:
        """Add a trained network whose weights are on the disk; ``student.ckpt`` follows at once."""
        (self.distilled if network.stage == "distill" else self.full).append(network)
        self.keep_student()

    def keep_student(self) -> TrainedNetwork:
        """Copy the best network to ``student.ckpt``."""
        best = self.require_trained("keep")[0]
        copy_file(self.path / best.checkpoint, self.student)
        return best

    def say(self, notices: Iterable[Notice]) -> None:
        """Say on the terminal what is off, and keep it in ``notices.jsonl`` for the report; each
        text once in a run.
        """
        if not (given := list(notices)):
            return  # as for most trials: no file is read
        said = {notice.text for notice in self.notices.read()}
        for notice in given:
            if notice.text not in said:
                said.add(notice.text)
                log.warning("%s", notice.text)
                self.notices.append(notice)

    def settings(self) -> dict[str, Any]:
        """What all trials share, as ``settings.json`` holds it; empty before a search.

        Raises:
            HistoryError: the file holds something else.
        """
        # not as YAML, to which 1e-05 is a text
        return self._mapping(SETTINGS, json.loads)

    def write_settings(self, settings: Mapping[str, object]) -> None:
        """Replace ``settings.json``."""
        write_text(self.path / SETTINGS, json.dumps(settings, indent=1) + "\n")

    def config(self) -> dict[str, Any]:
        """The configuration of the first start, interpolations as written; empty where none was
        kept.
        """
        return self._mapping(f"{HYDRA}/config.yaml", lambda text: read_yaml(text) or {})

    def overrides(self) -> tuple[str, ...]:
        """What was typed at the first start."""
        found = self._parsed(f"{HYDRA}/overrides.yaml", read_yaml)
        return tuple(map(str, found)) if isinstance(found, list) else ()

    def _mapping(self, name: str, parse: Callable[[str], Any]) -> dict[str, Any]:
        """Empty where there is no file; one that holds something else must not count as none."""
        if not (path := self.path / name).exists():
            return {}
        if isinstance(found := self._parsed(name, parse), dict):
            return found
        raise HistoryError(
            f"{path} holds a {type(found).__name__} where names and values are to stand; correct "
            "or remove it"
        )

    def _parsed(self, name: str, parse: Callable[[str], Any]) -> Any:
        path = self.path / name
        if not path.exists():
            return None
        try:
            return parse(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise HistoryError(
                f"{path} cannot be read: {str(error).splitlines()[0]}; correct or remove it"
            ) from None


def read_yaml(text: str) -> Any:
    """Plain values, as YAML has them; a few lines that repeat each other would grow without end.

    Raises:
        ValueError: a part refers to another, which no run writes.
    """
    if "&" in text and any(
        isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ):
        raise ValueError("a part of it refers to another, which no run writes")
    return yaml.safe_load(text)


def ranked(networks: Sequence[TrainedNetwork]) -> list[TrainedNetwork]:
    """The best first, by validation accuracy or what the run ranks by; of two that are equal the
    later, which may have been trained on from the other.
    """
    return sorted(networks, key=lambda network: network.standing())[::-1]


def by_these_settings(recorded: str, settings_id: str) -> bool:
    """Whether a line of a file was made by the settings at hand; one that does not say by which
    counts as such.
    """
    return settings_id in (recorded, "") or not recorded
