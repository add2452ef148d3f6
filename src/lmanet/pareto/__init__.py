"""Dominance, front and hypervolume over named objectives."""
