"""Proposers: a language model over HTTP, and what it is measured against."""

from lmanet.propose.baselines import RandomProposer, ReplayProposer
from lmanet.propose.evolution import EvolutionProposer
from lmanet.propose.llm import LLMProposer
from lmanet.propose.mutate import Mutate
from lmanet.propose.optuna_sampler import OptunaProposer
from lmanet.propose.prompt import Prompt
from lmanet.propose.rank import Rank
from lmanet.propose.sampling import Price, Sampling
from lmanet.propose.servers import EmbeddedServer, RemoteServer
from lmanet.propose.strategist import Strategist
from lmanet.propose.strategy import Strategy
from lmanet.propose.team import Team

__all__ = [
    "EmbeddedServer",
    "EvolutionProposer",
    "LLMProposer",
    "Mutate",
    "OptunaProposer",
    "Price",
    "Prompt",
    "RandomProposer",
    "Rank",
    "RemoteServer",
    "ReplayProposer",
    "Sampling",
    "Strategist",
    "Strategy",
    "Team",
]
