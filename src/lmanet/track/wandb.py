"""WandbTracker: a run as a run of Weights & Biases, offline where there is no key or no network."""

import logging
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from lmanet.base import Above0
from lmanet.errors import ConfigError
from lmanet.files import append_line, whole_lines, write_text
from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder
from lmanet.run.quantities import known_of, names
from lmanet.run.records import Status, Trial
from lmanet.track.wandb_report import save_report
from lmanet.track.wandb_results import Results

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)
Mode = Literal["auto", "offline", "online", "disabled"]
MOST_CHARACTERS, ILLEGAL = 128, "/\\#?%:"  # of a project's name
MEASURED = ("bss_bytes", "tflm_arena_bytes", "flash_bytes", "stack_bytes", "instructions")


class WandbTracker:
    """Sends the configuration, each trial, the front as table and plot; and once all stages are
    done tables, curves and artifacts.

    Args:
        folder: of the run; W&B writes below its ``wandb/``, which also keeps the id with which a
            resumed run goes on.
        project: of W&B.
        mode: ``auto`` heeds WANDB_MODE; without it, it is online where WANDB_API_KEY is set and W&B
            answers, else offline.
        wait_seconds: how long W&B may take to answer at the start, and to take what is left at an
            end.
        report: make a W&B report of the run at its end, where it is online; a resumed run writes
            the same one anew.

    Raises:
        ConfigError: the mode is unknown, wandb is not installed, or ``online`` gets no answer.
    """

    def __init__(
        self,
        folder: str | Path,
        project: str,
        mode: Mode = "auto",
        wait_seconds: Above0 = 60.0,
        report: bool = False,
    ) -> None:
        if mode not in get_args(Mode):
            raise ConfigError(
                f"track.wandb.mode={mode!r} is unknown; legal are {', '.join(get_args(Mode))} "
                "(conf/track/wandb.yaml)"
            )
        _library()
        if not 0 < len(project) <= MOST_CHARACTERS or set(project) & set(ILLEGAL):
            legal = f"1 to {MOST_CHARACTERS} characters, none of {' '.join(ILLEGAL)}"
            raise ConfigError(
                f"track.wandb.project={project!r}: W&B takes {legal} (conf/track/wandb.yaml)"
            )
        self.folder = Path(folder)
        self.project = project
        self.mode = mode if mode != "auto" else os.environ.get("WANDB_MODE", mode)
        self.wait_seconds = wait_seconds
        self.report = report
        self.run: wandb.Run | None = None
        self.statuses: dict[int, str] = {}

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        self.run = self._open()
        self.statuses = {trial.number: trial.status.value for trial in trials}
        if not self._sent.exists():  # a run of before has sent all that it has
            write_text(self._sent, "".join(f"{_mark(trial)}\n" for trial in trials))
        sent = set(whole_lines(self._sent))
        for trial in trials:
            # A stop may have come between a trial's line in the history and its row here.
            if _mark(trial).encode() not in sent:
                self.on_trial_end(trial)

    def on_trial_end(self, trial: Trial) -> None:
        self.statuses[trial.number] = trial.status.value
        if self.run is not None:
            counts = {
                f"status/{status}": count
                for status, count in Counter(self.statuses.values()).items()
            }
            self.run.log({"trial": trial.number, **_numbers(trial), **counts})
            append_line(self._sent, _mark(trial), force=False)

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        if self.run is not None:
            with _heard():
                self._results(self.run).front(front, hypervolume)

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        if self.run is None:
            return
        try:
            with _heard():
                self._results(self.run).artifact("search")
        finally:
            self._close(self.run)
            self.run = None

    def on_run_end(self) -> None:
        if self.mode == "disabled":
            return
        run = self._open()
        try:
            results = self._results(run)
            with _heard():
                results.send()
            if self.report:
                self._report(run, results.curves)
        finally:
            self._close(run)

    def _results(self, run: "wandb.Run") -> Results:
        return Results(RunFolder(self.folder), self._run_id(), _library(), run)

    def _report(self, run: "wandb.Run", curves: Sequence[str]) -> None:
        if run.offline:
            log.info(
                (
                    "tracked offline: `wandb sync %s/wandb/offline-run-*` sends it; a W&B report "
                    "is made online alone"
                ),
                self.folder,
            )
            return
        made = self.folder / "wandb" / "report_url.txt"
        before = made.read_text(encoding="utf-8") if made.exists() else None
        try:
            url = save_report(run.entity, run.project, str(run.id), curves, before)
        except Exception as error:  # wandb-workspaces raises bare ones; all else is sent by now
            where = f" at {before}, which {made} names" if before else ""
            log.warning("no W&B report could be made%s: %s", where, str(error).splitlines()[0])
            return
        write_text(made, url)
        log.info("W&B report: %s", url)

    def _open(self) -> "wandb.Run":
        unless_told = "online" if os.environ.get("WANDB_API_KEY") else "offline"
        mode = unless_told if self.mode == "auto" else self.mode
        try:
            return self._init(mode)
        except _library().errors.Error as error:
            reason = str(error).splitlines()[0]
            if self.mode != "auto":
                raise ConfigError(
                    f"W&B gives no run in mode {mode}: {reason}; track.wandb.mode=offline needs no "
                    "network"
                ) from error
            log.warning("W&B cannot be reached (%s): this run is tracked offline", reason)
            _library().teardown()  # else its service still holds the run's id
            return self._init("offline")

    def _init(self, mode: Any) -> "wandb.Run":
        library = _library()
        (self.folder / "wandb").mkdir(parents=True, exist_ok=True)
        run: wandb.Run = library.init(
            project=self.project,
            dir=self.folder,
            id=self._run_id(),
            mode=mode,
            # Offline too: `wandb sync` then continues the run of this id; without it the steps of
            # each part would begin at 0 again.
            resume="allow",
            config=self._config(),
            settings=library.Settings(
                silent=True,  # the terminal is the progress view's
                console="off",
                init_timeout=self.wait_seconds,
                # else W&B tries for hours to reach a server that is gone
                finish_timeout=self.wait_seconds,
                finish_timeout_raises=True,
            ),
        )
        # Trials end in any order, so the trial's number is the axis and not W&B's own step. Each
        # part of a run says so again, since the last one's axes are kept; and by name, since of two
        # patterns that match W&B takes either.
        for name in _metrics():
            run.define_metric(name, step_metric="trial")
        return run

    def _close(self, run: "wandb.Run") -> None:
        try:
            run.finish()
        except TimeoutError:
            log.warning(
                (
                    "W&B has not taken everything within track.wandb.wait_seconds=%g; nothing is "
                    "lost: `wandb sync --include-online %s`"
                ),
                self.wait_seconds,
                Path(run.dir).parent,
            )

    @property
    def _sent(self) -> Path:
        """What has its row in W&B, a trial a line."""
        return self.folder / "wandb" / "sent.txt"

    def _run_id(self) -> str:
        path = self.folder / "wandb" / "run_id.txt"
        if not path.exists():
            write_text(path, uuid.uuid4().hex[:12])
        return path.read_text(encoding="utf-8").strip()

    def _config(self) -> dict[str, Any]:
        """The configuration that Hydra wrote into the run's folder."""
        return RunFolder(self.folder).config()


def _library() -> Any:
    try:
        import wandb
    except ImportError as error:
        raise ConfigError(
            "track=wandb needs the package wandb: pip install 'lmanet[wandb]', or choose "
            "track=jsonl"
        ) from error
    return wandb


@contextmanager
def _heard() -> Iterator[None]:
    """What W&B does not take is said, and ends no search: tables and artifacts are asked about at
    its server, which may be gone.
    """
    try:
        yield
    except (_library().errors.Error, OSError) as error:
        log.warning("W&B did not take this, and the run goes on: %s", str(error).splitlines()[0])


def _metrics() -> Iterator[str]:
    """All that the search sends and that is drawn over its trials."""
    yield from ("hypervolume", "front_size", "seconds", "tokens/prompt", "tokens/completion")
    groups = {
        "cost": names("formula"),
        "measured": MEASURED,
        "board": names("board"),
        "score": (*names("validation"), "seconds"),
        "paused": (*names("validation"), "seconds"),
        "status": [status.value for status in Status],
    }
    yield from (f"{group}/{name}" for group, found in groups.items() for name in found)


def _mark(trial: Trial) -> str:
    """Names a trial as it ended or stood: one that went on has several rows."""
    return f"{trial.number} {trial.status.value} {trial.epochs}"


def _numbers(trial: Trial) -> dict[str, float]:
    numbers: dict[str, float] = {
        "tokens/prompt": trial.proposal.usage.prompt_tokens,
        "tokens/completion": trial.proposal.usage.completion_tokens,
        "seconds": trial.seconds,
    }
    if trial.verdict and (cost := trial.verdict.cost):
        numbers |= {f"cost/{each.name}": value for each, value in known_of(cost)}
    if trial.verdict and (measured := trial.verdict.measurement):
        found = {name: getattr(measured, f"measured_{name}") for name in MEASURED}
        numbers |= {f"measured/{name}": value for name, value in found.items() if value is not None}
    if trial.verdict and (on_board := trial.verdict.board):
        numbers |= {f"board/{each.name}": value for each, value in known_of(on_board)}
    if score := trial.score:
        group = "score" if trial.status is Status.TRAINED else "paused"
        numbers |= {f"{group}/{each.name}": value for each, value in known_of(score)}
        numbers[f"{group}/seconds"] = score.seconds
    return numbers
