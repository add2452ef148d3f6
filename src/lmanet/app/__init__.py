"""The command line: composes the configuration, builds the steps and runs the stages asked for."""

from lmanet.app.compose import CONF
from lmanet.app.main import main
from lmanet.app.stages import ROOT_KEYS, SHARED_SETTINGS, Run

__all__ = ["CONF", "ROOT_KEYS", "SHARED_SETTINGS", "Run", "main"]
