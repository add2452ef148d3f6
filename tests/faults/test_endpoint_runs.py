"""Whole searches with an endpoint that fails: they go on, or end with one sentence and the command
that resumes them; no trial is made of a fault.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import endpoint_server as double
import pytest

from lmanet.propose.llm import client
from lmanet.run.folder import HISTORY
from lmanet.run.records import Trial

pytestmark = pytest.mark.slow  # runs whole searches


SEARCH = (
    "+experiment=bench_lmanet",
    "propose=llm",
    "propose.model=m",
    "propose.prompt={max_attempts:1,rationale:false}",
    "propose.strategy.roles=[rank]",
    "propose.team.rank.read=spoken",
    "propose.team.strategist.every=0",
    "propose.server={timeout_s:1,retries:1,longest_pause_s:2}",
    "budget={proposals:4,trained:null,seconds:null}",
)
BUSY = double.error(503, "Loading model")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("COLUMNS", "80")
    made = double.EndpointServer()
    yield made
    made.close()


def trials(folder: Path) -> list[Trial]:
    path = folder / HISTORY
    lines = path.read_text().splitlines() if path.exists() else []
    return [Trial.model_validate_json(line) for line in lines]


PASSING = (
    BUSY,
    double.error(429, "slow", **{"Retry-After": "1"}),
    double.raw({"error": {"code": 429}}),
    double.cut,
    double.reset,
    double.stall,
)


def test_a_search_goes_on_after_each_passing_fault(typed: Any, server: Any, tmp_path: Path):
    for fault in PASSING:
        server.acts += [fault, double.choose]
    where = f"propose.server.base_url={server.base_url}"
    ended = typed(*SEARCH, where, f"budget.proposals={len(PASSING)}", "hydra.run.dir=run")
    assert ended.code == 0 and "Traceback" not in ended.error + ended.output
    made = trials(tmp_path / "run")
    assert [trial.status for trial in made] == ["trained"] * len(PASSING)
    assert [trial.proposal.usage.retries for trial in made] == [1] * len(PASSING)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (double.error(401, "no such key"), "refuses the API key (401): no such key;"),
        (double.error(429, "slow", **{"Retry-After": "900"}), "asks for a pause of 900 s"),
        (BUSY, "fails (503): Loading model;"),
        (double.raw({"error": {"message": "out of credit", "code": 402}}), "(402): out of credit;"),
        (double.drip, "no whole answer within 1 s;"),
        (double.half, "was cut off after"),
        (double.endless, "sent more than"),
        (double.raw("<html>"), "its answer is no JSON"),
        (double.reply(7), "content is of type int"),
    ],
    ids=["401", "429", "503", "402 within 200", "drip", "cut", "600 MB", "HTML", "number"],
)
def test_a_search_ends_with_one_sentence_and_goes_on_when_resumed(
    typed: Any, server: Any, tmp_path: Path, fault: Any, says: str
):
    server.acts = [double.choose, double.choose, fault]
    ended = typed(*SEARCH, f"propose.server.base_url={server.base_url}", "hydra.run.dir=run")
    assert ended.code == 1
    error, resume = ended.error.splitlines()[-2:]
    assert error.startswith("error: ") and server.base_url in error and says in error
    assert resume == "nothing is lost; go on with: python run.py resume=run"
    assert "Traceback" not in ended.error + ended.output
    before = trials(tmp_path / "run")
    assert [trial.status for trial in before] == ["trained"] * 2
    server.acts = [double.choose]
    assert typed("resume=run").code == 0
    after = trials(tmp_path / "run")
    assert after[:2] == before and [trial.number for trial in after] == [0, 1, 2, 3]


def test_a_search_whose_first_request_fails_can_be_resumed(typed: Any, server: Any, tmp_path: Path):
    server.acts = [double.error(401, "no such key")]
    ended = typed(*SEARCH, f"propose.server.base_url={server.base_url}", "hydra.run.dir=run")
    assert ended.code == 1 and "refuses the API key" in ended.error.splitlines()[-1]
    assert not trials(tmp_path / "run")
    server.acts = [double.choose]
    assert typed("resume=run").code == 0 and len(trials(tmp_path / "run")) == 4


def test_replies_without_text_end_the_search_and_are_told(
    typed: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client, "MOST_EMPTY", 3)
    server.acts = [double.reply(None, message={"reasoning_content": "hm"}, finish="length")]
    ended = typed(*SEARCH, f"propose.server.base_url={server.base_url}", "hydra.run.dir=run")
    assert ended.code == 1
    assert "3 replies of http" in ended.error and "reasoning alone" in ended.error
    recorded = trials(tmp_path / "run")
    assert [trial.status for trial in recorded] == ["unparsable"] * 2
    assert "reasoning alone (reasoning_content) came" in (recorded[0].error or "")


def test_a_budget_of_tokens_holds_where_the_server_counts_none(
    typed: Any, server: Any, tmp_path: Path
):
    server.acts = [lambda handler: double.choose(handler, usage=None)]
    where = f"propose.server.base_url={server.base_url}"
    ended = typed(*SEARCH, where, "hydra.run.dir=run", "budget.tokens=8000")
    assert ended.code == 0 and ended.output.count("does not count tokens") == 1
    used = [trial.proposal.usage for trial in trials(tmp_path / "run")]
    assert 0 < len(used) < 4 and sum(usage.tokens for usage in used) <= 8_000
    assert all(usage.bounded_tokens == usage.tokens for usage in used)
