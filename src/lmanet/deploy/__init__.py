"""Takes a trained network, gives files to flash and figures measured in the real runtime and on an emulated Cortex-M7."""

from lmanet.deploy.api import deploy
from lmanet.deploy.candidate import CandidateVerifier
from lmanet.deploy.settings import Settings
from lmanet.deploy.stage import Deployment, load_int8

__all__ = ["CandidateVerifier", "Deployment", "Settings", "deploy", "load_int8"]
