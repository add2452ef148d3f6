"""Report of a run: tables and plots."""
