"""What a report tells, read or computed once."""
