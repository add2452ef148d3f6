"""Takes a trained network, gives files to flash and figures measured in the real runtime and on an
emulated Cortex-M.
"""

import sys
from types import ModuleType

from lmanet.deploy.api import deploy
from lmanet.deploy.board_program import BoardPrograms
from lmanet.deploy.candidate import CandidateVerifier, candidate_verifier
from lmanet.deploy.int8.int8_network import load_deployed
from lmanet.deploy.settings import Settings
from lmanet.deploy.stage import Deployment

__all__ = [
    "BoardPrograms",
    "CandidateVerifier",
    "Deployment",
    "Settings",
    "candidate_verifier",
    "deploy",
    "load_deployed",
]


class _Package(ModuleType):
    __call__ = staticmethod(deploy)


# `lmanet.deploy` is this package and, for users, a function. Importing a package sets the attribute
# of its parent, so that no function of that name can stand in `lmanet`; and whether an object can
# be called is a matter of its class. So the package has a class of its own, by the way that
# Python's reference names for it (Data model, "Customizing module attribute access").
sys.modules[__name__].__class__ = _Package
