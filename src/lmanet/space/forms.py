"""What is known of a candidate without knowing its space: its id, its cost, its network."""

import hashlib
from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar, overload

from lmanet.cost.candidate_cost import CandidateCost
from lmanet.cost.estimate import Cost, estimate_network
from lmanet.cost.platform import Platform
from lmanet.errors import ConfigError
from lmanet.network.architecture import Architecture
from lmanet.network.candidate import Candidate
from lmanet.network.graph import operators_id


class TableCandidate(Candidate):
    """A candidate without a network here: a table, or a trainer of its own, knows its accuracy.

    Attributes:
        cost_type: what is known of its cost.
    """

    cost_type: ClassVar[type[CandidateCost]] = CandidateCost

    @property
    def network(self) -> None:
        return None

    @abstractmethod
    def cost(self, num_classes: int) -> CandidateCost:
        """What its network would cost with a classifier of ``num_classes``, on any platform."""


@lru_cache(maxsize=65536)
def architecture_id(candidate: Candidate) -> str:
    """Twelve hexadecimal digits, equal for two candidates exactly where their networks have the
    same operators.

    A field without effect (see `lmanet.network.architecture.has_effect`) or another division into
    stages does not change it. Candidates without a network have one id where their texts are equal:
    two isomorphic cells are two networks in their table.
    """
    if (network := candidate.network) is None:
        return hashlib.sha256(candidate.text.encode()).hexdigest()[:12]
    return operators_id(network)


@overload
def estimate_on(candidate: Architecture, num_classes: int, platform: Platform) -> Cost: ...


@overload
def estimate_on(candidate: Candidate, num_classes: int, platform: Platform) -> CandidateCost: ...


def estimate_on(candidate: Candidate, num_classes: int, platform: Platform) -> CandidateCost:
    """What a candidate costs on a platform; one without a network costs the same on all of them.

    Raises:
        ConfigError: it has no network, and its cost for so many classes is not known.
    """
    if isinstance(candidate, TableCandidate):
        return candidate.cost(num_classes)
    return estimate_network(staged(candidate), num_classes, platform)


def staged(candidate: Candidate) -> Architecture:
    """The network of a candidate, where one is needed: to train, distil, deploy or draw it.

    Raises:
        ConfigError: it has none.
    """
    if (network := candidate.network) is None:
        raise ConfigError(
            f"candidate {architecture_id(candidate)} is {candidate.kind}, which cannot be trained, "
            f"distilled, deployed or drawn: it {candidate.instead}; take that and stages=[search] "
            "(conf/config.yaml)"
        )
    return network
