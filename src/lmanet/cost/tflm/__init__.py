"""The arena of TensorFlow Lite Micro, by a replay of its planner."""
