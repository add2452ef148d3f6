"""Listeners of the search: progress on the terminal, events in a file, Weights & Biases; and an export for Optuna's dashboard."""

from lmanet.track.events import EventLog
from lmanet.track.optuna_export import OptunaExport
from lmanet.track.progress import Progress
from lmanet.track.wandb import WandbTracker

__all__ = ["EventLog", "OptunaExport", "Progress", "WandbTracker"]
