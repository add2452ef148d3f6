"""Listeners of the search: progress on the terminal, events in a file, Weights & Biases; and an
export for Optuna's dashboard.
"""

from typing import TYPE_CHECKING, Any

from lmanet.track.events import EventLog
from lmanet.track.progress import Progress, front_table
from lmanet.track.wandb import WandbTracker

if TYPE_CHECKING:
    from lmanet.track.optuna_export import OptunaExport

__all__ = ["EventLog", "OptunaExport", "Progress", "WandbTracker", "front_table"]


def __getattr__(name: str) -> Any:
    # Optuna takes half a second to import: a run that exports nothing does not pay.
    if name == "OptunaExport":
        from lmanet.track.optuna_export import OptunaExport

        return OptunaExport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
