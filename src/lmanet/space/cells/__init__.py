"""The cells of NAS-Bench-201, whose trainings are all known."""
