"""Proposers: a language model over HTTP, and what it is measured against."""

from lmanet.propose.baselines import RandomProposer, ReplayProposer
from lmanet.propose.evolution import EvolutionProposer
from lmanet.propose.llm import LLMProposer
from lmanet.propose.optuna_sampler import OptunaProposer
from lmanet.propose.prompt import Prompt
from lmanet.propose.sampling import Sampling
from lmanet.propose.servers import EmbeddedServer, RemoteServer

__all__ = [
    "EmbeddedServer",
    "EvolutionProposer",
    "LLMProposer",
    "OptunaProposer",
    "Prompt",
    "RandomProposer",
    "RemoteServer",
    "ReplayProposer",
    "Sampling",
]
