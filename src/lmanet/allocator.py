"""Memory of the C library: what a training step frees is kept for the next."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MOST_BYTES = 2**31 - 1  # the largest C int: more than any tensor of a step


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let glibc keep what is freed until the end (mallopt(3), malloc_trim(3)); other C libraries
    have no such setting.

    Else every large tensor is a mapping of its own, whose pages the kernel clears anew in each
    step: a third to a half of the time of a training on the CPU, and of a teacher that is asked
    (docs/results.md). The thresholds remain set: they are the process's, and it trains again.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(M_MMAP_THRESHOLD, MOST_BYTES)
    libc.mallopt(M_TRIM_THRESHOLD, MOST_BYTES)
    try:
        yield
    finally:
        libc.malloc_trim(0)
