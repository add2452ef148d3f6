"""Everything that one request sends by default, word by word, for a person to read as a whole."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.board import Target
from lmanet.claims.kinds import PeakMemoryAt, Rationale, StrideOneIn
from lmanet.errors import ArchitectureError
from lmanet.propose import LLMProposer, RemoteServer
from lmanet.propose.llm.reply import parse_reply
from lmanet.propose.roles.legal import excess
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Proposal, Score, Status, Trial
from lmanet.validate import Validator

CONF = Path(__file__).parents[3] / "conf"
DEFAULTS = {
    "quickstart": (
        ["+experiment=quickstart"],
        "grey images of the ten handwritten digits (5,000 images of MNIST)",
        10,
    ),
    "llm": (["propose.model=m"], "photographs of 100 classes (CIFAR-100)", 100),
}
CLAIMS = (StrideOneIn(stages=(1, 2)), PeakMemoryAt(part="classifier"))


def _history(brief: Brief, target: Target) -> list[Trial]:
    """Four networks trained, then one of each failure, judged as the loop judges them."""
    rng, validator = np.random.default_rng(1), Validator(brief.space, target, brief.num_classes)
    trials: list[Trial] = []

    def add(network: Any, accuracy: float | None = None, error: str | None = None) -> None:
        known = [trial.id for trial in trials if trial.id]
        verdict = validator.validate(network, known) if network else None
        status = Status.TRAINED if accuracy else Status.REJECTED if network else Status.UNPARSABLE
        trials.append(
            Trial(
                number=len(trials),
                status=status,
                proposal=Proposal(
                    proposer="m",
                    architecture=network,
                    error=error,
                    rationale=Rationale(claims=CLAIMS) if network else None,
                ),
                verdict=verdict,
                score=Score(val_accuracy=accuracy, seconds=1.0) if accuracy else None,
                seed=0,
                started_at="",
                seconds=1.0,
                elapsed_seconds=1.0,
            )
        )

    while len(trials) < 4:
        drawn = brief.space.sample(rng)
        if excess(drawn, brief) == 0:
            add(drawn, accuracy=0.5 + len(trials) / 50)
    too_large = next(n for n in iter(lambda: brief.space.sample(rng), None) if excess(n, brief) > 1)
    add(too_large)
    add(trials[0].architecture)
    try:
        parse_reply('{"stages": ["dw17 k3 s2"]}', brief.space)
    except ArchitectureError as fault:
        add(None, error=str(fault))
    return trials


@pytest.fixture(scope="module", params=DEFAULTS)
def asked(request: pytest.FixtureRequest) -> tuple[str, LLMProposer, Request]:
    """The name of the defaults, what they propose by, and what that is asked."""
    overrides, images, classes = DEFAULTS[request.param]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides)
    target, space = instantiate(config.target), instantiate(config.space)
    pareto = instantiate(config.pareto, limits=target.limits)
    brief = Brief(
        space=space,
        seed=0,
        images=images,
        num_classes=classes,
        limits=target.limits,
        platform=target.platform,
        objectives=tuple(Goal(name=o.name, maximise=o.maximise) for o in pareto.objectives),
    )
    history = _history(brief, target)
    front = pareto.front(history)
    feedback = instantiate(config.feedback, space=space).compose(history, front)
    proposer: LLMProposer = instantiate(config.propose, brief=brief)
    proposer.model = "m"
    return (
        request.param,
        proposer,
        Request(
            number=len(history), count=1, trials=history, front=front, compose=lambda: feedback
        ),
    )


def _text(messages: Sequence[dict[str, str]]) -> str:
    return "\n".join(f"[{message['role']}]\n{message['content']}\n" for message in messages)


@pytest.mark.parametrize("role", ["generate", "mutate", "rank"])
def test_golden_requests(
    role: str,
    asked: tuple[str, LLMProposer, Request],
    endpoint: Any,
    golden: Callable[[str, str], None],
) -> None:
    name, proposer, request = asked
    endpoint.answers = [(200, "no answer")]
    proposer.server = RemoteServer(endpoint.base_url, None, timeout_s=10, retries=0)
    proposer.team.rank.explore = 0.0  # new draws of the space take seconds and look alike
    proposer.strategy = replace(proposer.strategy, roles=[role])
    proposer.propose(request)
    proposer.close()
    text = _text(endpoint.requests[0]["messages"])
    golden(f"request_{name}_{role}.txt", text)
    assert len(re.findall("Answer with", text)) == 1, "one form of answer is asked for"
    assert not re.search(r"\bnetwork \d+\b|\b[0-9a-f]{12}\b|conf/", text), (
        "every network is shown or described; a name that the model has not seen says nothing"
    )
