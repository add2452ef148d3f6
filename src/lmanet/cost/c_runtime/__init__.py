"""The memory and the instructions of our generated C; the generator follows the same plan."""
