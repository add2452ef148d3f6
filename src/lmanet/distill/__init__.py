"""Teacher, losses and distillation of the best networks."""
