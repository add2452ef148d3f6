"""An architecture -> the rules that it breaks, among them the limits of a board."""

from lmanet.board import Target, Unlimited
from lmanet.validate.board import BoardValidator
from lmanet.validate.measured import MeasuredValidator
from lmanet.validate.validator import Validator

__all__ = ["BoardValidator", "MeasuredValidator", "Target", "Unlimited", "Validator"]
