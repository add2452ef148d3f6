"""Baselines to compare a language model with, behind the same Protocol."""
