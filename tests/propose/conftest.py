"""Briefs, the embedded model, an endpoint that misbehaves on demand, golden files."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.propose.llm.servers import EmbeddedServer
from lmanet.run.brief import Brief, Goal
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict
from lmanet.space import CellSpace, estimate_on, load_space

CONF = Path(__file__).parents[2] / "conf"
STALL = "stall"
GOALS = (Goal(name="val_accuracy", maximise=True), Goal(name="macs", maximise=False))


@pytest.fixture(scope="session")
def brief() -> Brief:
    space = load_space(
        "mcu", {"resolution": [32], "num_stages": [3, 4], "stem": None, "head": None}
    )
    limits = {"macs": 6_000_000, "peak_sram_bytes": 65_536, "flash_bytes": 262_144}
    return Brief(
        space=space,
        seed=0,
        images="handwritten digits",
        num_classes=10,
        limits=limits,
        objectives=GOALS,
    )


@pytest.fixture(scope="session")
def paper_brief() -> Brief:
    limits = {"macs": 100_000_000, "peak_sram_bytes": 327_680, "flash_bytes": 2_097_152}
    return Brief(
        space=load_space("lmanet"),
        seed=0,
        images="CIFAR-100",
        num_classes=100,
        limits=limits,
        objectives=GOALS,
    )


@pytest.fixture(scope="session")
def trained() -> Callable[..., Trial]:
    """A trial as the loop records a trained network: ``trained(brief, number, architecture,
    accuracy, note)``.
    """

    def make(
        brief: Brief,
        number: int,
        architecture: Any = None,
        accuracy: float = 0.5,
        note: str | None = None,
    ) -> Trial:
        network = architecture or brief.space.sample(np.random.default_rng(number))
        return Trial(
            number=number,
            status=Status.TRAINED,
            proposal=Proposal(proposer="test", architecture=network, note=note),
            verdict=Verdict(
                accepted=True, cost=estimate_on(network, brief.num_classes, brief.platform)
            ),
            score=Score(val_accuracy=accuracy, seconds=1.0),
            seed=0,
            started_at="",
            seconds=1.0,
            elapsed_seconds=float(number),
        )

    return make


@pytest.fixture(scope="session")
def configured() -> Callable[..., Any]:
    """A proposer as ``run.py`` builds it: ``configured("random", brief, "key=value", ...)``."""

    def build(option: str, brief: Brief, *overrides: str) -> Any:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose(
                "propose/" + option, [f"++propose.{override}" for override in overrides]
            ).propose
        return instantiate(config, brief=brief)

    return build


@pytest.fixture(scope="module")
def embedded_address() -> Iterator[str]:
    """Base URL of the real SmolLM2, served over HTTP."""
    server = EmbeddedServer(threads=1, context_tokens=8192, timeout_s=120, retries=0)
    yield server.start(None).base_url
    server.stop()


class ScriptedEndpoint:
    """Test double of a chat endpoint: gives the scripted answers in turn, the last one for ever.

    An answer is a status and a text; the text of a 200 becomes the reply, ``STALL`` sends nothing.
    ``likeliest:{"A": -0.1}`` is a reply of one token, and what else it could have been.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.released = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def take(self, body: dict[str, Any], key: str) -> tuple[int, str]:
        self.requests.append(body)
        self.keys.append(key)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(endpoint) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, text = endpoint.take(body, self.headers.get("Authorization", ""))
                if text == STALL:
                    endpoint.released.wait(10)
                    return
                raw = text.startswith("raw:")
                content = (
                    text.removeprefix("raw:").encode()
                    if raw
                    else json.dumps(_content(status, text)).encode()
                )
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if raw else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def _content(status: int, text: str) -> dict[str, Any]:
    if status != 200:
        return {"error": {"message": text, "code": status}}
    message: dict[str, Any] = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    if text.startswith("likeliest:"):
        listed = json.loads(text.removeprefix("likeliest:"))
        top = [{"token": token, "logprob": logprob} for token, logprob in listed.items()]
        message["message"]["content"] = top[0]["token"]
        message["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "m",
        "choices": [message],
        "usage": usage,
    }


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    scripted = ScriptedEndpoint()
    yield scripted
    scripted.close()


@pytest.fixture
def cells() -> Brief:
    """A search among the cells of NAS-Bench-201."""
    goal = Goal(name="val_accuracy", maximise=True)
    return Brief(
        space=CellSpace(), seed=0, images="photos", num_classes=100, limits={}, objectives=(goal,)
    )


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file of ``golden/``; ``LMANET_UPDATE_GOLDEN=1 pytest tests/propose``
    writes the files anew.
    """

    def check(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("LMANET_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
