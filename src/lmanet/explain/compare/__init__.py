"""Takes the folders of finished searches, gives one page that says which searcher is better, or
that it cannot be told.
"""

from lmanet.explain.compare.page import Comparison
from lmanet.explain.compare.runs import SearchRun, read_runs

__all__ = ["Comparison", "SearchRun", "read_runs"]
