"""Listeners of the search: progress on the terminal, events in a file, Weights & Biases."""

from lmanet.track.events import EventLog
from lmanet.track.progress import Progress
from lmanet.track.wandb import WandbTracker

__all__ = ["EventLog", "Progress", "WandbTracker"]
