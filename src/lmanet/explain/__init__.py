"""Takes a run's folder, gives a report for people: tables and plots."""

from lmanet.explain.report import Report

__all__ = ["Report"]
