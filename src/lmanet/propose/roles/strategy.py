"""Strategy: which role a model has in a round, in which niche and how boldly it answers, also where
the front has stalled.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmanet.base import NotNegative
from lmanet.errors import ConfigError
from lmanet.run.brief import Request

ROLES = ("generate", "mutate", "rank", "steer")
DEFAULT_TEMPERATURES = {"steer": 0.3}  # of a role that runs of earlier versions do not know
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What one request asks for.

    Attributes:
        niche: place of the band of cost; None is any band.
        stalled_for: proposals since the front changed, where this plan is the answer to it.
    """

    role: str
    sampling_temperature: float
    niche: int | None
    stalled_for: int | None = None


@dataclass(frozen=True)
class Strategy:
    """Plans a round from the history alone, so that a resumed run goes on as it would have.

    Attributes:
        roles: asked for in turn; one alone is always asked for.
        sampling_temperatures: of each role.
        niches: bands of cost, in turn; 1 is none.
        stall_after: proposals without a change of the front after which it counts as stalled; None
            never.
        stall_roles: asked for in turn while it is, in any niche.
        stall_temperature: added to the role's temperature meanwhile.
    """

    roles: Sequence[str]
    sampling_temperatures: Mapping[str, NotNegative]
    niches: int
    stall_after: int | None
    stall_roles: Sequence[str]
    stall_temperature: NotNegative

    def __post_init__(self) -> None:
        for name in ("roles", "stall_roles"):
            given = getattr(self, name)
            if not given or not set(given) <= set(ROLES):
                raise ConfigError(
                    f"propose.strategy.{name}={list(given)}: give at least one of "
                    f"{', '.join(ROLES)}"
                )
        if missing := set(ROLES) - {*self.sampling_temperatures, *DEFAULT_TEMPERATURES}:
            raise ConfigError(
                f"propose.strategy.sampling_temperatures lacks {', '.join(sorted(missing))}"
            )
        if self.niches < 1 or (self.stall_after is not None and self.stall_after < 1):
            raise ConfigError(
                f"propose.strategy: niches={self.niches} and stall_after={self.stall_after} must "
                "be at least 1"
            )

    def plan(self, request: Request) -> Plan:
        """What to ask for next."""
        since = _since_change(request)
        if self.stall_after is None or since < self.stall_after:
            role = self.roles[request.number % len(self.roles)]
            niche = request.number // len(self.roles) % self.niches if self.niches > 1 else None
            return Plan(role, self._temperature(role), niche)
        role = self.stall_roles[request.number % len(self.stall_roles)]
        plan = Plan(role, self._temperature(role) + self.stall_temperature, None, since)
        if since == self.stall_after:
            log.info(
                "no change of the front for %d proposals: %s at temperature %g, any niche",
                since,
                role,
                plan.sampling_temperature,
            )
        return plan

    def _temperature(self, role: str) -> float:
        return {**DEFAULT_TEMPERATURES, **self.sampling_temperatures}[role]


def _since_change(request: Request) -> int:
    """Proposals since the newest network of the front, or since the start where there is none."""
    newest = max((trial.number for trial in request.front), default=-1)
    return request.number - newest - 1
