"""For all tests, also in the processes that they start."""

import os

# pytest-xdist already keeps every core busy; torch's own threads would spin for the same ones, and results would depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
