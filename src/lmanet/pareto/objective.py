"""Objective: a named quantity of a trial, which way is better, and the box in
which it is measured.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lmanet.errors import ConfigError
from lmanet.run.quantities import QUANTITIES, quantity
from lmanet.run.records import Trial


class Objective(BaseModel):
    """A quantity that the search makes larger or smaller.

    Attributes:
        name: of a `Quantity`.
        unit: in words, for tables and axes.
        reference: the worst value that still counts for the hypervolume.
        ideal: the best value that could be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    direction: Literal["max", "min"]
    unit: str
    reference: float
    ideal: float

    @model_validator(mode="after")
    def _ideal_is_better(self) -> Self:
        if self.ideal == self.reference or (self.ideal > self.reference) != self.maximise:
            raise ValueError(
                f"ideal={self.ideal:g} is not better than reference={self.reference:g} where "
                f"direction={self.direction}"
            )
        return self

    @property
    def maximise(self) -> bool:
        """More is better."""
        return self.direction == "max"

    def value(self, trial: Trial) -> float:
        """The quantity of an eligible trial, in ``unit``."""
        value = trial.value(quantity(self.name))
        if value is None:
            raise ConfigError(
                f"objective {self.name} is not known of trial {trial.number}; take another "
                "objective (conf/pareto)"
            )
        return float(value)

    def normalised(self, value: float) -> float:
        """0 at the ideal, 1 at the reference and beyond it."""
        return min(max((value - self.ideal) / (self.reference - self.ideal), 0.0), 1.0)


def parse_objective(name: str, spec: Mapping[str, Any], limits: Mapping[str, int]) -> Objective:
    """Read one entry of conf/pareto. The reference ``limit`` means the target's limit of that
    quantity.

    Raises:
        ConfigError: the quantity or a key is unknown, the target has no such limit, or the ideal is
            worse than the reference.
    """
    where = "correct it in conf/pareto"
    if name not in QUANTITIES:
        raise ConfigError(
            f"objective {name!r} is unknown; legal are {', '.join(QUANTITIES)}; {where}"
        )
    own = {"direction": quantity(name).direction, "unit": quantity(name).unit}
    if spec.get("reference") == "limit":
        if name not in limits:
            limited = f"only {', '.join(limits)}" if limits else "nothing"
            raise ConfigError(
                f"objective {name}: reference=limit, but the target limits {limited}; give a "
                f"number, {where}"
            )
        spec = {**spec, "reference": limits[name]}
    try:
        return Objective.model_validate({"name": name, **own, **spec})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} {fault['msg']}".strip() for fault in error.errors()
        )
        raise ConfigError(f"objective {name}: {faults}; {where}") from error
