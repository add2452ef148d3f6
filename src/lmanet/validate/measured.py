"""Validator that measures: what passes by formula runs in the true runtimes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Protocol

from lmanet.board import Target, Unlimited
from lmanet.errors import ConfigError, DeployError
from lmanet.network import Architecture
from lmanet.run.measurement import Measurement
from lmanet.run.records import Verdict, Violation
from lmanet.space import AnyArchitecture, SearchSpace, staged
from lmanet.steps import Checked
from lmanet.validate.validator import Validator

RUNTIME = "runtime"


class Measurer(Protocol):
    """What validation needs of deployment; it is handed in, as no step imports another."""

    def measure(self, architecture: Architecture) -> Measurement:
        """Raises `DeployError` where the runtimes disagree about a network or do not take it."""


class RunningValidator(ABC):
    """As `Validator`; a network that passes by formula runs, and how it ran decides.

    Args:
        num_classes: width of the classifier.
        measurer: (target, num_classes) -> what runs networks.

    Attributes:
        runs: the option of conf/validate, and where it runs them.

    Raises:
        ConfigError: the target is no board.
    """

    runs: ClassVar[str]

    def __init__(
        self,
        space: SearchSpace,
        target: Target | Unlimited,
        num_classes: int,
        measurer: Callable[..., Any],
    ) -> None:
        if isinstance(target, Unlimited):
            raise ConfigError(
                f"{self.runs}, and target={target.name} has none; take validate=limits"
            )
        self.formulas = Validator(space, target, num_classes)
        self.target = target
        self.measurer = measurer(target=target, num_classes=num_classes)

    def require(self) -> None:
        if isinstance(self.measurer, Checked):
            self.measurer.require()

    def validate(self, architecture: AnyArchitecture, known: Collection[str]) -> Verdict:
        """The verdict by formula; of a network that passes, what `run` says."""
        verdict = self.formulas.validate(architecture, known)
        return self.run(staged(architecture), verdict) if verdict.accepted else verdict

    @abstractmethod
    def run(self, architecture: Architecture, verdict: Verdict) -> Verdict:
        """The verdict on a network that passed by formula."""

    def by_memory(self, verdict: Verdict, measurement: Measurement) -> Verdict:
        """The verdict with what the network took, refused where that breaks a limit."""
        verdict = verdict.model_copy(update={"measurement": measurement})
        violations = exceeded(measurement, self.target)
        return refused(verdict, *violations) if violations else verdict


class MeasuredValidator(RunningValidator):
    """Seconds a network slower than formulas: each one that it accepts has run in the runtimes, and
    fits as it ran.

    Args:
        measurer: (target, num_classes) -> what takes networks through the runtimes.
    """

    runs = "validate=measured runs networks as on a board"
    measurer: Measurer

    def run(self, architecture: Architecture, verdict: Verdict) -> Verdict:
        try:
            measurement = self.measurer.measure(architecture)
        except DeployError as error:
            return refused(verdict, Violation(rule=RUNTIME, hint=str(error)))
        return self.by_memory(verdict, measurement)


def refused(verdict: Verdict, *violations: Violation) -> Verdict:
    """The verdict with the reasons for which the network is refused."""
    return verdict.model_copy(update={"accepted": False, "violations": violations})


def exceeded(measurement: Measurement, target: Target) -> tuple[Violation, ...]:
    """Limits of memory that a measured network breaks."""
    name, limits = target.name, target.limits
    measured = {
        "peak_sram_bytes": measurement.measured_bss_bytes,
        "flash_bytes": measurement.measured_flash_bytes,
    }
    if (
        target.runtime == "tflm"
    ):  # with the pointers of this machine, so never less than on the board
        arena = measurement.measured_tflm_arena_bytes
        assert arena is not None, "a verifier of such a target requires TFLM"
        measured = {
            "peak_sram_bytes": arena,
            "flash_bytes": measurement.tflite_bytes,
        }
    return tuple(
        Violation(
            rule=quantity,
            given=given,
            limit=limits[quantity],
            hint=f"{quantity}={given}, measured under {target.runtime}, exceeds "
            f"the limit {limits[quantity]} of target {name}; "
            f"use fewer channels or layers (conf/target/{name}.yaml)",
        )
        for quantity, given in measured.items()
        if given > limits[quantity]
    )
