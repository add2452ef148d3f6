"""Everything: each candidate is trained to its end at once, so none is ever promoted."""

from collections.abc import Collection, Sequence

from lmanet.run.brief import Brief
from lmanet.run.records import Trial
from lmanet.steps import Promoted


class Everything:
    """Trains each candidate to the end of the recipe."""

    first = None

    def __init__(self, brief: Brief) -> None:
        pass  # given to every option of the step

    def next(self, trials: Sequence[Trial], training: Collection[int]) -> Promoted | None:
        return None
