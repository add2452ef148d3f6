"""Proposers: a language model over HTTP, and the baselines to compare it with."""

from typing import TYPE_CHECKING, Any

from lmanet.propose.baselines.evolution import EvolutionProposer
from lmanet.propose.baselines.forest import Forest
from lmanet.propose.baselines.random_replay import RandomProposer, ReplayProposer
from lmanet.propose.baselines.random_start import begun_at_random
from lmanet.propose.baselines.sampler import SamplerProposer
from lmanet.propose.llm.learn import LearnRules
from lmanet.propose.llm.prompt import Prompt
from lmanet.propose.llm.proposer import LLMProposer
from lmanet.propose.llm.sampling import Price, Sampling
from lmanet.propose.llm.servers import EmbeddedServer, RemoteServer
from lmanet.propose.roles.arms import Bandit
from lmanet.propose.roles.mutate import Mutate
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.steer import Steer
from lmanet.propose.roles.strategist import Strategist
from lmanet.propose.roles.strategy import Strategy
from lmanet.propose.roles.team import Team

if TYPE_CHECKING:
    from lmanet.propose.baselines.optuna_sampler import OptunaProposer

__all__ = [
    "Bandit",
    "EmbeddedServer",
    "EvolutionProposer",
    "Forest",
    "LLMProposer",
    "LearnRules",
    "Mutate",
    "OptunaProposer",
    "Price",
    "Prompt",
    "RandomProposer",
    "Rank",
    "RemoteServer",
    "ReplayProposer",
    "SamplerProposer",
    "Sampling",
    "Steer",
    "Strategist",
    "Strategy",
    "Team",
    "begun_at_random",
]


def __getattr__(name: str) -> Any:
    # Optuna takes as long to import as all other proposers together: only its own pays.
    if name == "OptunaProposer":
        from lmanet.propose.baselines.optuna_sampler import OptunaProposer

        return OptunaProposer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
