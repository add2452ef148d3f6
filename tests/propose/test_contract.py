"""What every option of conf/propose that needs no outside server must do."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from lmanet.propose import RandomProposer
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Proposal, Status, Trial
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # asks a language model

CONF = Path(__file__).parents[2] / "conf" / "propose"


def needs_more(option: str) -> bool:
    """Whether it asks a server, or begins with networks of one space."""
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        given = compose(f"propose/{option}").propose
    server = given.get("server")
    return bool(given.get("start")) or (
        server is not None and server._target_.endswith("RemoteServer")
    )


OPTIONS = sorted(path.stem for path in CONF.glob("*.yaml") if not needs_more(path.stem))


@pytest.fixture(scope="module")
def small_brief(brief: Brief) -> Brief:
    space = load_space(
        "mcu",
        {
            "resolution": [32],
            "num_stages": [3],
            "stem": None,
            "head": None,
            "stage": {"activation": ["relu6"]},
        },
    )
    return brief.model_copy(update={"space": space})


@pytest.fixture(scope="module", params=OPTIONS)
def make(
    request: pytest.FixtureRequest,
    small_brief: Brief,
    configured: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Any]:
    overrides: list[str] = []
    if (
        request.param == "embedded"
    ):  # the cache of the prompt's beginning changes roundings, and with them replies
        overrides = ["sampling.extra_body.cache_prompt=false"]
    if request.param == "replay":
        path = tmp_path_factory.mktemp("replay") / "history.jsonl"
        drawn = RandomProposer(small_brief).propose(Request(number=0, count=4))
        path.write_text(
            "".join(
                _trial(i, proposal).model_dump_json() + "\n" for i, proposal in enumerate(drawn)
            )
        )
        overrides = [f"history={path}"]
    return lambda: configured(request.param, small_brief, *overrides)


@pytest.fixture(scope="module")
def proposed(make: Callable[[], Any]) -> Iterator[list[Proposal]]:
    proposer = make()
    yield proposer.propose(Request(number=1, count=2))
    proposer.close()


def _trial(number: int, proposal: Proposal) -> Trial:
    return Trial(
        number=number,
        status=Status.REJECTED,
        proposal=proposal,
        seed=0,
        started_at="",
        seconds=0,
        elapsed_seconds=0,
    )


def test_gives_at_least_one_and_no_more_than_asked_for(proposed: list[Proposal]) -> None:
    assert 1 <= len(proposed) <= 2


def test_proposes_nothing_outside_the_space(proposed: list[Proposal], small_brief: Brief) -> None:
    for proposal in proposed:
        assert (proposal.architecture is None) != (proposal.error is None)
        assert proposal.architecture is None or small_brief.space.contains(proposal.architecture)


def test_a_proposal_survives_the_history(proposed: list[Proposal]) -> None:
    for proposal in proposed:
        assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal


def test_proposes_the_same_for_the_same_brief_and_number(
    make: Callable[[], Any], proposed: list[Proposal]
) -> None:
    """A run that was broken off and resumed goes on as if it had not been."""
    resumed = make()
    again = resumed.propose(Request(number=1, count=2))
    resumed.close()
    assert [(p.architecture, p.reply, p.error) for p in again] == [
        (p.architecture, p.reply, p.error) for p in proposed
    ]


def test_every_option_without_a_server_keeps_the_contract() -> None:
    assert {"random", "sampler", "embedded", "nsga2", "replay"} <= set(OPTIONS)
    assert not {"llm", "qwen25_3b"} & set(OPTIONS)


def test_names_its_proposer(proposed: list[Proposal]) -> None:
    assert all(proposal.proposer for proposal in proposed)


@pytest.mark.parametrize("package", ["lmanet.propose", "lmanet.track"])
def test_optuna_is_imported_by_what_uses_it_alone(package: str) -> None:
    code = (
        f"import sys, {package} as package; print('optuna' in sys.modules, all(getattr(package, "
        "name) for name in package.__all__))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "False True\n"
    )
