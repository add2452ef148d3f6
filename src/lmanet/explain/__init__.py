"""Takes a run's folder, gives a report for people: tables and plots."""

from lmanet.explain.facts.contents import Setting
from lmanet.explain.report import Report

__all__ = ["Report", "Setting"]
