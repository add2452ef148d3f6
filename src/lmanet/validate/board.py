"""Validator with a board in the loop: what passes in the runtimes is measured on the board."""

import logging
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from lmanet.board import Target, Unlimited
from lmanet.errors import BoardError, ConfigError, DeployError
from lmanet.network import Architecture
from lmanet.run.measurement import BoardMeasurement, Measurement
from lmanet.run.quantities import ON_BOARD
from lmanet.run.records import Status, Verdict, Violation
from lmanet.space import AnyArchitecture, SearchSpace, staged
from lmanet.steps import BoardProgram, Checked
from lmanet.validate.measured import RUNTIME, exceeded
from lmanet.validate.validator import Validator

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


class BoardValidator:
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

    def __init__(
        self,
        space: SearchSpace,
        target: Target | Unlimited,
        num_classes: int,
        measurer: Callable[..., BoardMeasurer],
        measured_latency_ms: float | None = None,
    ) -> None:
        if isinstance(target, Unlimited):
            raise ConfigError(
                f"validate=board runs networks on a board, and target={target.name} has none; take "
                "validate=limits"
            )
        if measured_latency_ms is not None and measured_latency_ms <= 0:
            raise ConfigError(
                f"validate.measured_latency_ms={measured_latency_ms}: it takes a number above 0, "
                "or null (conf/validate)"
            )
        self.formulas = Validator(space, target, num_classes)
        self.target, self.limit = target, measured_latency_ms
        self.measurer = measurer(target=target, num_classes=num_classes)

    def require(self) -> None:
        if isinstance(self.measurer, Checked):
            self.measurer.require()

    def validate(self, architecture: AnyArchitecture, known: Collection[str]) -> Verdict:
        """The verdict by formula; of a network that passes, runtimes and board decide."""
        verdict = self.formulas.validate(architecture, known)
        if not verdict.accepted:
            return verdict
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            try:
                found, program = self.measurer.prepare(staged(architecture), Path(folder))
            except DeployError as error:
                return _refused(verdict, Violation(rule=RUNTIME, hint=str(error)))
            verdict = verdict.model_copy(update={"measurement": found})
            if violations := exceeded(found, self.target):
                return _refused(verdict, *violations)
            return self._on_board(verdict, program)

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
        return _refused(
            verdict, Violation(rule=ON_BOARD.name, given=given, limit=self.limit, hint=hint)
        )


def _refused(verdict: Verdict, *violations: Violation) -> Verdict:
    return verdict.model_copy(update={"accepted": False, "violations": violations})
