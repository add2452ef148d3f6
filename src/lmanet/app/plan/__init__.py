"""Settings chosen by the pictures at hand (``+experiment=photos``), before anything is started."""

from lmanet.app.plan.photos import Planned, planned

__all__ = ["Planned", "planned"]
