"""Trials made from really drawn and estimated networks, golden files, real tokenizers."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.network import Architecture
from lmanet.propose.llm.servers import EmbeddedServer
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict, Violation
from lmanet.space import Space, load_space

LIMITS = {"macs": 30_000_000, "peak_sram_bytes": 131_072, "flash_bytes": 524_288}


@pytest.fixture(scope="session")
def space() -> Space:
    return load_space(
        "mcu",
        {"resolution": [32], "num_stages": [3, 4], "stage": {"block": ["depthwise", "mbconv"]}},
    )


@pytest.fixture(scope="session")
def make_history() -> Callable[..., tuple[list[Trial], list[Trial]]]:
    """A search as it might have gone: every tenth reply unreadable, networks over the limits
    rejected, the others trained.
    """

    def make(
        space: Space, number: int, limits: Mapping[str, int] = LIMITS
    ) -> tuple[list[Trial], list[Trial]]:
        rng = np.random.default_rng(0)
        trials = [_trial(i, space.sample(rng), limits, rng) for i in range(number)]
        return trials, _front(trials)

    return make


def _trial(
    number: int, architecture: Architecture, limits: Mapping[str, int], rng: np.random.Generator
) -> Trial:
    common: dict[str, Any] = {
        "number": number,
        "seed": number,
        "started_at": "",
        "seconds": 1.0,
        "elapsed_seconds": 1.0,
    }
    if number % 10 == 4:
        error = (
            f'not an architecture: stages.0.channels="{number}": input should be a valid integer'
        )
        return Trial(
            status=Status.UNPARSABLE,
            proposal=Proposal(proposer="m", reply="{", error=error),
            error=error,
            **common,
        )
    cost = estimate(architecture, 10)
    over = [
        Violation(
            rule=name,
            hint=f"{name}={getattr(cost, name)} exceeds {limit}; make it smaller",
            given=getattr(cost, name),
            limit=limit,
        )
        for name, limit in limits.items()
        if getattr(cost, name) > limit
    ]
    verdict = Verdict(accepted=not over, cost=cost, violations=tuple(over))
    proposal = Proposal(proposer="m", architecture=architecture, reply="{}")
    if over:
        return Trial(status=Status.REJECTED, proposal=proposal, verdict=verdict, **common)
    accuracy = round(float(rng.uniform(0.3, 0.9)), 4)
    score = Score(
        val_accuracy=accuracy, val_macro_f1=accuracy, val_calibration_error=0.1, seconds=1.0
    )
    return Trial(status=Status.TRAINED, proposal=proposal, verdict=verdict, score=score, **common)


def _front(trials: list[Trial]) -> list[Trial]:
    eligible = sorted(
        (trial for trial in trials if trial.eligible), key=lambda trial: -_point(trial)[0]
    )
    return [
        a
        for a in eligible
        if not any(
            all(y >= x for x, y in zip(_point(a), _point(b), strict=True))
            for b in eligible
            if b is not a
        )
    ]


def _point(trial: Trial) -> tuple[float, int, int]:
    assert trial.score and trial.verdict and trial.verdict.cost
    return trial.score.val_accuracy, -trial.verdict.cost.macs, -trial.verdict.cost.peak_sram_bytes


def _models() -> list[str | None]:
    own = os.environ.get("LMANET_GGUF")
    return [None, *(own.split(os.pathsep) if own else [])]


@pytest.fixture(
    scope="module", params=_models(), ids=lambda path: Path(path).stem if path else "SmolLM2"
)
def tokens(request: pytest.FixtureRequest) -> Iterator[Callable[[str], int]]:
    """Counts tokens with the real tokenizer of SmolLM2, and of every .gguf file that
    ``LMANET_GGUF`` lists.
    """
    server = EmbeddedServer(threads=1, context_tokens=512, timeout_s=60, retries=0)
    address = server.start(request.param).base_url.removesuffix("/v1")
    opener = build_opener(ProxyHandler({}))

    def count(text: str) -> int:
        body = json.dumps({"content": text, "add_special": True}).encode()
        with opener.open(
            Request(f"{address}/tokenize", body, {"Content-Type": "application/json"})
        ) as response:
            return len(json.load(response)["tokens"])

    yield count
    server.stop()


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file of ``golden/``; ``LMANET_UPDATE_GOLDEN=1 pytest tests/feedback``
    writes the files anew.
    """

    def check(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("LMANET_UPDATE_GOLDEN"):
            path.write_text(text + "\n", encoding="utf-8")
        assert text + "\n" == path.read_text(encoding="utf-8")

    return check
