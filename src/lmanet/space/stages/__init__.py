"""Networks of stages: the space of the paper, and ours."""
