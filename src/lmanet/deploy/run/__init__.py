"""Runs what was written: TFLM, compilers, emulated cores, this machine."""
