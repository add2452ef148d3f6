"""Proposers: a language model over HTTP, and what it is measured against."""

from lmanet.propose.baselines import RandomProposer, ReplayProposer
from lmanet.propose.llm import LLMProposer
from lmanet.propose.prompt import Prompt
from lmanet.propose.sampling import Sampling
from lmanet.propose.servers import EmbeddedServer, RemoteServer

__all__ = ["EmbeddedServer", "LLMProposer", "Prompt", "RandomProposer", "RemoteServer", "ReplayProposer", "Sampling"]
