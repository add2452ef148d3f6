"""Takes a trained network, gives files to flash and figures measured in the real runtime and on an emulated Cortex-M7."""

import sys
from types import ModuleType
from typing import Any

from lmanet.deploy.api import deploy
from lmanet.deploy.candidate import CandidateVerifier, candidate_verifier
from lmanet.deploy.int8_network import load_deployed
from lmanet.deploy.settings import Settings
from lmanet.deploy.stage import Deployment

__all__ = ["CandidateVerifier", "Deployment", "Settings", "candidate_verifier", "deploy", "load_deployed"]


class _Callable(ModuleType):
    """`lmanet.deploy` is this package and, for users, a function: importing a package sets the attribute of its parent."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return deploy(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
