"""Two thousand rounds in one process: memory, open files and the time of a round stay flat."""

import gc
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from lmanet.app import CONF, Run
from lmanet.run.records import Trial
from lmanet.track import Progress

pytestmark = pytest.mark.slow
ROUNDS = 2000
PAGE = os.sysconf("SC_PAGE_SIZE")


class Moment(NamedTuple):
    """What the process has used by the end of a round."""

    cpu_seconds: float
    resident_bytes: int
    open_files: int


class Watch:
    """A listener that looks at the process whenever a trial ends."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def on_trial_end(self, trial: Trial) -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        files = len(list(Path("/proc/self/fd").iterdir()))
        self.moments.append(Moment(time.process_time(), resident, files))

    def on_search_start(self, *_: object) -> None:
        gc.collect()

    def on_front_change(self, *_: object) -> None: ...

    def on_search_end(self, *_: object) -> None: ...

    def on_run_end(self) -> None: ...

    def seconds_a_round(self, around: int) -> float:
        """Of CPU: the median of a hundred rounds, each over the three roles and a batch of four
        rounds more, so that all sorts of rounds weigh alike.
        """
        times = [moment.cpu_seconds for moment in self.moments[around - 112 : around]]
        return median(after - before for before, after in zip(times, times[12:], strict=False)) / 12


class ServerDouble:
    """A double of a chat server: answers at once, with anything that the schema of the request
    allows, drawn by the seed of the request.
    """

    def __init__(self) -> None:
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.base_url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
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
def server() -> Iterator[ServerDouble]:
    double = ServerDouble()
    yield double
    double.close()


@pytest.fixture
def soaked(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Two thousand rounds with the table of NAS-Bench-201, watched."""

    def soak(*overrides: str) -> Watch:
        rounds = [f"budget.proposals={ROUNDS}", "budget.trained=null", "pareto=accuracy_params"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            where = ["+experiment=bench_nasbench201", f"folder={tmp_path}"]
            run = Run(compose("config", [*where, *rounds, *overrides]))
        watch = Watch()
        with Path(os.devnull).open("w") as nowhere:
            run.listeners = [Progress(Console(file=nowhere)), *run.listeners[1:], watch]
            run.start()
        return watch

    yield soak


def check_flat(watch: Watch) -> None:
    assert len(watch.moments) == ROUNDS
    early, late = watch.seconds_a_round(200), watch.seconds_a_round(ROUNDS)
    assert late <= 1.2 * early, f"{1000 * early:.2f} ms of CPU a round, then {1000 * late:.2f}"
    assert watch.moments[-1].open_files <= watch.moments[199].open_files
    grown = watch.moments[-1].resident_bytes - watch.moments[199].resident_bytes
    assert grown < 60 * 2**20, "some 10 KB a trial, which the history holds, are expected"


def test_random_rounds_stay_as_fast_and_small_as_they_were(soaked):
    check_flat(soaked("propose=random"))


def test_rounds_of_a_model_stay_as_fast_and_small_as_they_were(soaked, server):
    address = f"propose.server.base_url={server.base_url}"
    check_flat(soaked("propose=llm", "propose.model=double", address))
