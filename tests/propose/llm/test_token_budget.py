"""Five hundred rounds with a server that takes as many tokens as it may: the run's budget is never
exceeded, whatever it is.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lmanet.errors import SearchError
from lmanet.execute import InProcess
from lmanet.feedback import ParetoFeedback
from lmanet.pareto import ParetoFront
from lmanet.promote import Everything
from lmanet.propose.llm.client import Answer, Query
from lmanet.propose.llm.usage import TEMPLATE_TOKENS
from lmanet.run.brief import Brief, Budget, Goal
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Score, Usage
from lmanet.search import Search, Steps
from lmanet.space import CellSpace
from lmanet.tokens import count_tokens
from lmanet.validate import Unlimited, Validator

pytestmark = pytest.mark.slow  # asks a language model

LONGEST_REPLY = 200


class GreedyClient:
    """Test double of a client: legal replies, and usage at the bound of what a real server can
    count; one reply in seven is useless.
    """

    endpoint = SimpleNamespace(model="double")

    def __init__(self, space: CellSpace) -> None:
        self.space = space
        self.rng = np.random.default_rng(0)

    def ask(self, query: Query) -> Answer:
        prompt = TEMPLATE_TOKENS + sum(
            count_tokens(message["content"]) for message in query.messages
        )
        usage = Usage(prompt_tokens=prompt, completion_tokens=LONGEST_REPLY, requests=1)
        return Answer(text=self._reply(query), cut=False, structured=True, usage=usage)

    def close(self) -> None:
        pass

    def _reply(self, query: Query) -> str:
        if self.rng.random() < 1 / 7:
            return "I would rather not."
        if query.schema is None:
            return "Convolutions help. " * 20
        options = next(iter(query.schema["properties"].values())).get("items")
        if options is None:
            return self.space.write_proposal(self.space.sample(self.rng))
        return str(self.rng.choice(options["enum"]))


class Trainer:
    """Test double of a training."""

    def train(self, job: Job) -> Score:
        return Score(val_accuracy=sum(map(len, job.architecture.operations)) / 100, seconds=1.0)


@pytest.mark.parametrize("tokens", [1_000, 30_000, 10_000_000])
def test_500_rounds_never_exceed_the_token_budget(
    tokens: int, tmp_path: Path, brief: Brief, configured: Callable[..., Any]
) -> None:
    space = CellSpace()
    goals = (Goal(name="val_accuracy", maximise=True),)
    cells = brief.model_copy(
        update={"space": space, "limits": {}, "objectives": goals, "num_classes": 100}
    )
    settings = (
        f"sampling.max_reply_tokens={LONGEST_REPLY}",
        "strategy.stall_after=10",
        "strategy.roles=[generate,mutate,rank]",
        "team.rank.read=spoken",
        "team.strategist.every=5",
        "model=m",
    )
    proposer = configured("llm", cells, *settings)
    proposer._clients = [GreedyClient(space)]
    objectives = {
        "val_accuracy": {"direction": "max", "unit": "share of 1", "reference": 0.0, "ideal": 1.0}
    }
    steps = Steps(
        proposer=proposer,
        validator=Validator(space, Unlimited(), 100),
        promotion=Everything(cells),
        executor=InProcess(Trainer()),
        pareto=ParetoFront(objectives, {}),
        feedback=ParetoFeedback(space, max_tokens=500, recent_failures=2),
    )
    search = Search(
        steps, History(RunFolder(tmp_path)), Budget(proposals=500, tokens=tokens), seed=0
    )
    with (
        pytest.raises(SearchError, match="before the first proposal")
        if tokens == 1_000
        else nullcontext()
    ):
        search.run()
    trials = search.history.trials
    assert sum(trial.proposal.usage.tokens for trial in trials) <= tokens
    assert (len(trials) == 500) == (tokens == 10_000_000) and (len(trials) == 0) == (
        tokens == 1_000
    )
    if tokens == 10_000_000:
        assert {trial.proposal.role for trial in trials} == {"generate", "mutate", "rank"}
        assert sum(bool(trial.proposal.note) for trial in trials) > 20 and any(
            trial.proposal.stalled_for for trial in trials
        )
