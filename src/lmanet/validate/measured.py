"""Validator that measures: what passes by formula runs in the true runtimes."""

from collections.abc import Callable, Collection
from typing import Protocol

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


class MeasuredValidator:
    """As `Validator`, and seconds a network slower: each one that it accepts has run, and fits as
    it ran.

    Args:
        num_classes: width of the classifier.
        measurer: (target, num_classes) -> what takes networks through the runtimes.

    Raises:
        ConfigError: the target is no board.
    """

    def __init__(
        self,
        space: SearchSpace,
        target: Target | Unlimited,
        num_classes: int,
        measurer: Callable[..., Measurer],
    ) -> None:
        if isinstance(target, Unlimited):
            raise ConfigError(
                f"validate=measured runs networks as on a board, and target={target.name} has "
                "none; take validate=limits"
            )
        self.formulas = Validator(space, target, num_classes)
        self.target = target
        self.measurer = measurer(target=target, num_classes=num_classes)

    def require(self) -> None:
        if isinstance(self.measurer, Checked):
            self.measurer.require()

    def validate(self, architecture: AnyArchitecture, known: Collection[str]) -> Verdict:
        """The verdict by formula; of a network that passes, the measured figures decide."""
        verdict = self.formulas.validate(architecture, known)
        if not verdict.accepted:
            return verdict
        try:
            measurement = self.measurer.measure(staged(architecture))
        except DeployError as error:
            return verdict.model_copy(
                update={
                    "accepted": False,
                    "violations": (Violation(rule=RUNTIME, hint=str(error)),),
                }
            )
        violations = exceeded(measurement, self.target)
        return verdict.model_copy(
            update={
                "accepted": not violations,
                "violations": violations,
                "measurement": measurement,
            }
        )


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
