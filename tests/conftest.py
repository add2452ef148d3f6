"""For all tests, also in the processes that they start; a stage with every field, of which tests
make whole networks; a double of a chat server; and commands as they are typed, in this process.
"""

import gc
import json
import logging
import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from drivers import Drivers
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings
from parsed_once import parse_once

from lmanet.app import main
from lmanet.network import Architecture, parse_architecture
from lmanet.run.records import Status, Trial

# pytest-xdist already keeps every core busy; torch's own threads would spin for the same ones, and
# results would depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no defect of the code under test; the time limit of a whole test stays.
settings.register_profile("lmanet", deadline=None)
settings.load_profile("lmanet")
parse_once()

# The line of a file whose tests are all slow.
ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no slow test is asked for, a file of these alone is not even imported: what such files
    import takes seconds in each process of pytest-xdist. A file that is named is.
    """
    named = {Path(each.partition("::")[0]).absolute() for each in config.args}
    if config.option.markexpr != "not slow" or collection_path in named:
        return None
    is_test = collection_path.match("test_*.py") and collection_path.is_file()
    return True if is_test and ALL_SLOW.search(collection_path.read_text("utf-8")) else None


def pytest_collection_finish() -> None:
    """A collection of garbage would look through all that was imported: a third of a second, often
    within a test.
    """
    gc.freeze()


STAGE = {
    "block": "depthwise",
    "channels": 16,
    "kernel": 3,
    "stride": 1,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": False,
    "activation": "relu6",
    "layers": 1,
}


@pytest.fixture(scope="session")
def make_data() -> Callable[..., dict[str, Any]]:
    """Decoded JSON of a network with one stage for each dictionary of changes, or a plain one."""

    def make(*stages: dict[str, Any], **whole: Any) -> dict[str, Any]:
        return {
            "resolution": 32,
            **whole,
            "stages": [{**STAGE, **changes} for changes in stages or ({},)],
        }

    return make


@pytest.fixture(scope="session")
def make(make_data) -> Callable[..., Architecture]:
    """The same, parsed."""

    def parsed(*stages: dict[str, Any], **whole: Any) -> Architecture:
        return parse_architecture(make_data(*stages, **whole))

    return parsed


@pytest.fixture
def trials(make_trial: Callable[..., Trial]) -> list[Trial]:
    """Ways in which a candidate ends, made by the `make_trial` of the folder."""
    kinds = [Status.TRAINED, Status.REJECTED, Status.UNPARSABLE, Status.TRAINED]
    return [make_trial(number, status, 0.5 + number / 10) for number, status in enumerate(kinds)]


@pytest.fixture(scope="session")
def lmanet_data() -> Path:
    """Where the published architectures and weights lie, which the project does not ship."""
    if not (folder := os.environ.get("LMANET_DATA")):
        pytest.skip("the published architectures and weights are not here: LMANET_DATA is not set")
    return Path(folder)


class ServerDouble(ThreadingHTTPServer):
    """A double of a chat server: answers with anything that the schema of the request allows, drawn
    by the seed of the request.

    Attributes:
        answer_seconds: an answer takes 0, 1 or 2 times as long, by the seed.
        first_together: no request is answered before so many have been under way together.
        most_at_once: requests that were under way together.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer_seconds = 0.0
        self.first_together = 1
        self.at_once = self.most_at_once = 0
        self.met = threading.Condition()
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        double = self.server
        assert isinstance(double, ServerDouble)
        with double.met:
            double.at_once += 1
            double.most_at_once = max(double.most_at_once, double.at_once)
            double.met.notify_all()
            double.met.wait_for(lambda: double.most_at_once >= double.first_together, 30)
        time.sleep(double.answer_seconds * (asked["seed"] % 3))
        with double.met:
            double.at_once -= 1
        schema = asked.get("response_format", {}).get("json_schema", {}).get("schema")
        rng = random.Random(asked["seed"])
        reply = "Deeper networks did better." if schema is None else json.dumps(drawn(schema, rng))
        message = {"role": "assistant", "content": reply}
        body = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "double",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def drawn(schema: dict[str, Any], rng: random.Random) -> Any:
    """A value of a schema such as those that lmanet sends."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "anyOf" in schema:
        return drawn(rng.choice(schema["anyOf"]), rng)
    if schema.get("type") == "object":
        return {name: drawn(part, rng) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        least = schema.get("minItems", 0)
        number = rng.randint(least, min(schema.get("maxItems", least), least + 3))
        return [drawn(schema["items"], rng) for _ in range(number)]
    assert schema.get("type") in ("string", "null"), schema
    return "It is deep." if schema["type"] == "string" else None


@pytest.fixture
def server_double() -> Iterator[ServerDouble]:
    double = ServerDouble()
    yield double
    double.close()


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    output: str
    error: str


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """``python run.py ARGUMENTS`` in ``tmp_path``, without the seconds that a process takes to
    import everything.
    """
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def run(*arguments: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        GlobalHydra.instance().clear()
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Ended(code, *capsys.readouterr())

    yield run
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:], root.level = before


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    """``python run.py ARGUMENTS`` in processes of their own, which can be killed."""
    server = Drivers()
    yield server
    server.close()
