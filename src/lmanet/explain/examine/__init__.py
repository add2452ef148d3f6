"""What a trained network does: what each block contributes, where it looks, what it confuses; on
validation images.
"""

from lmanet.explain.examine.examination import Examine

__all__ = ["Examine"]
