"""Trainings that are looked up in a table, not done."""
