"""Listeners of the search: progress, files, W&B."""
