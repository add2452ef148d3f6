"""Training of a candidate: mini-training, full training, evaluation."""
