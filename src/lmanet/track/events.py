"""EventLog: what happened when, as lines of ``events.jsonl`` in the run's folder."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lmanet.files import append_line
from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder
from lmanet.run.records import Trial


class EventLog:
    """Appends one JSON object an event; a resumed run goes on in the same file.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = RunFolder(folder).events
        self.started = time.monotonic()

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        self.started = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write("search_start", trials=len(trials), budget=budget.model_dump())

    def on_trial_end(self, trial: Trial) -> None:
        self._write("trial_end", number=trial.number, status=trial.status, id=trial.id)

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        self._write("front_change", ids=[trial.id for trial in front], hypervolume=hypervolume)

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        self._write("search_end", trials=len(trials), ids=[trial.id for trial in front])

    def on_run_end(self) -> None:
        self._write("run_end")

    def _write(self, event: str, **content: Any) -> None:
        seconds = round(time.monotonic() - self.started, 3)
        entry = {
            "event": event,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "elapsed_seconds": seconds,
            **content,
        }
        append_line(self.path, json.dumps(entry), force=False)  # nothing is resumed from it
