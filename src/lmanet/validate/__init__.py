"""An architecture -> the rules that it breaks, among them the limits of a board."""

from lmanet.board import Target
from lmanet.validate.measured import MeasuredValidator
from lmanet.validate.unlimited import Unlimited
from lmanet.validate.validator import Validator

__all__ = ["MeasuredValidator", "Target", "Unlimited", "Validator"]
