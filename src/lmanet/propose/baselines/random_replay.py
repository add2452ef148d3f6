"""Two baselines: uniform draws, and the proposals of an earlier run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmanet.errors import ArchitectureError, ConfigError, EndpointError
from lmanet.propose.baselines.redraw import Redraw
from lmanet.propose.llm.reply import parse_reply
from lmanet.run.brief import Brief, Request
from lmanet.run.lines import read_records
from lmanet.run.records import Proposal, Trial


class RandomProposer:
    """Draws every field of the space uniformly; the run's seed and the trial's number fix the draw.

    Args:
        feasible_draws: see `Redraw`.
    """

    def __init__(self, brief: Brief, feasible_draws: int = 0) -> None:
        self.brief = brief
        self._redraw = Redraw(brief, feasible_draws)

    def propose(self, request: Request) -> list[Proposal]:
        return [self._one(request.number + i, request.trials) for i in range(request.count)]

    def close(self) -> None:
        pass

    def _one(self, number: int, trials: Sequence[Trial]) -> Proposal:
        rng = np.random.default_rng([self.brief.seed, number])
        return Proposal(
            proposer="random",
            architecture=self._redraw.first(lambda: self.brief.space.sample(rng), trials),
        )


class ReplayProposer:
    """Proposes what another run proposed, trial by trial. Replies are parsed anew and cost no
    tokens.

    Args:
        history: the ``history.jsonl`` of that run.
    """

    def __init__(self, brief: Brief, history: str) -> None:
        self.brief = brief
        self.history = Path(history)
        if not self.history.is_file():
            raise ConfigError(
                f"there is no history at {history}; set propose.history to the history.jsonl of a "
                "run"
            )
        self._recorded = {
            trial.number: trial.proposal for trial in read_records(self.history, Trial)
        }

    def propose(self, request: Request) -> list[Proposal]:
        numbers = [
            n for n in range(request.number, request.number + request.count) if n in self._recorded
        ]
        if not numbers:
            raise EndpointError(
                f"{self.history} holds {len(self._recorded)} proposals, none with number "
                f"{request.number}; lower the budget of the run or replay a longer one "
                "(propose.history)"
            )
        return [self._one(self._recorded[number]) for number in numbers]

    def close(self) -> None:
        pass

    def _one(self, recorded: Proposal) -> Proposal:
        replayed = Proposal(proposer="replay", reply=recorded.reply, structured=recorded.structured)
        if recorded.reply is None or recorded.role in (
            "mutate",
            "rank",
            "steer",
        ):  # such a reply means nothing without its question
            return replayed.model_copy(
                update={"architecture": recorded.architecture, "error": recorded.error}
            )
        try:
            return replayed.model_copy(
                update={"architecture": parse_reply(recorded.reply, self.brief.space)}
            )
        except ArchitectureError as fault:
            return replayed.model_copy(update={"error": recorded.error or str(fault)})
