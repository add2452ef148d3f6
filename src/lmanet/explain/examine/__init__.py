"""What a trained network does: what each block contributes, where it looks, what it confuses; on validation images."""

from lmanet.explain.examine.stage import Examine

__all__ = ["Examine"]
