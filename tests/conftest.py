"""For all tests, also in the processes that they start."""

import os

from hypothesis import settings

# pytest-xdist already keeps every core busy; torch's own threads would spin for the same ones, and results would depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no defect of the code under test; the time limit of a whole test stays.
settings.register_profile("lmanet", deadline=None)
settings.load_profile("lmanet")
