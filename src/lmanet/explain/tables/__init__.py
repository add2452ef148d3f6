"""The report's tables: pure functions of a run's records, one file a chapter."""
