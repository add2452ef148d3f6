"""The history -> text of the next prompt."""

from lmanet.feedback.composers import BestOnlyFeedback, NoFeedback, ParetoFeedback

__all__ = ["BestOnlyFeedback", "NoFeedback", "ParetoFeedback"]
