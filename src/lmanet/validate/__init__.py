"""Limits of a target: which proposals may be trained."""
