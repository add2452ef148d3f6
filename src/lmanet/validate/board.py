"""Validator with a board in the loop: what passes in the runtimes is measured on the board."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lmanet.board import Target, Unlimited
from lmanet.errors import BoardError, ConfigError, DeployError
from lmanet.network import Architecture
from lmanet.run.measurement import BoardMeasurement, Measurement
from lmanet.run.quantities import ON_BOARD
from lmanet.run.records import Status, Verdict, Violation
from lmanet.space import SearchSpace
from lmanet.steps import BoardProgram
from lmanet.validate.measured import RUNTIME, RunningValidator, refused

log = logging.getLogger(__name__)
# What a network may be at fault for; all else ends the search, since another would fare no better.
OF_A_NETWORK = {
    "silent": Status.TIMED_OUT,
    **dict.fromkeys(("garbled", "cut", "reset", "wrong_bits"), Status.FAILED),
}


class BoardMeasurer(Protocol):
    """What validation needs of a board; it is handed in, as no step imports another."""

    def prepare(self, architecture: Architecture, folder: Path) -> tuple[Measurement, BoardProgram]:
        """Run a network in the other runtimes and make its firmware, in a folder.

        Raises `DeployError` where they disagree about it or do not take it.
        """

    def measure(self, program: BoardProgram) -> BoardMeasurement:
        """Run the firmware on the board. Raises `BoardError`."""


class BoardValidator(RunningValidator):
    """As `MeasuredValidator`, and each network that passes is measured on the board.

    A timeout, a line that broke off, a wrong answer or a reset ends the trial with a status.

    Args:
        num_classes: width of the classifier.
        measurer: (target, num_classes) -> the board, and what makes firmware for it.
        measured_latency_ms: most milliseconds for one image on the board; None is no such limit.

    Raises:
        ConfigError: the target is no board.
    """

    measures_on_a_board = True
    runs = "validate=board runs networks on a board"
    measurer: BoardMeasurer

    def __init__(
        self,
        space: SearchSpace,
        target: Target | Unlimited,
        num_classes: int,
        measurer: Callable[..., BoardMeasurer],
        measured_latency_ms: float | None = None,
    ) -> None:
        if measured_latency_ms is not None and measured_latency_ms <= 0:
            raise ConfigError(
                f"validate.measured_latency_ms={measured_latency_ms}: it takes a number above 0, "
                "or null (conf/validate)"
            )
        super().__init__(space, target, num_classes, measurer)
        self.limit = measured_latency_ms

    def run(self, architecture: Architecture, verdict: Verdict) -> Verdict:
        """Runtimes first, then the board."""
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            try:
                found, program = self.measurer.prepare(architecture, Path(folder))
            except DeployError as error:
                return refused(verdict, Violation(rule=RUNTIME, hint=str(error)))
            verdict = self.by_memory(verdict, found)
            return self._on_board(verdict, program) if verdict.accepted else verdict

    def _on_board(self, verdict: Verdict, program: BoardProgram) -> Verdict:
        try:
            figures = self.measurer.measure(program)
        except BoardError as error:
            if error.status not in OF_A_NETWORK:
                raise
            log.warning("%s", error)
            ended = {"ended": OF_A_NETWORK[error.status], "error": f"{error.status}: {error}"}
            return verdict.model_copy(update={"accepted": False, **ended})
        verdict = verdict.model_copy(update={"board": figures})
        given = figures.measured_latency_ms
        if self.limit is None or given <= self.limit:
            return verdict
        hint = (
            f"{ON_BOARD.name}={given:.4g} on {figures.board} exceeds the limit {self.limit:g} of "
            "validate.measured_latency_ms; use fewer channels or layers (conf/validate/board.yaml)"
        )
        return refused(
            verdict, Violation(rule=ON_BOARD.name, given=given, limit=self.limit, hint=hint)
        )
