"""History -> text of the next prompt."""
