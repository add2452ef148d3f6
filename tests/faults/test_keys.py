"""A key comes from the environment, and stands nowhere: in no file of a run, of Hydra or of W&B, in
nothing that is sent to W&B or printed; also where the server echoes it.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import endpoint_server as double
import pytest
from wandb_server import WandbServerDouble

pytestmark = pytest.mark.slow  # runs a whole search, and starts W&B

PIECE = 8  # characters of a key in a row


@pytest.fixture
def endpoint() -> Iterator[Any]:
    made = double.EndpointServer()
    yield made
    made.close()


@pytest.fixture
def wandb_server() -> Iterator[Any]:
    made = WandbServerDouble()
    yield made
    made.close()


@pytest.fixture
def run(drivers: Any, tmp_path: Path, wandb_server: Any) -> Callable[..., tuple[int, str]]:
    """``python run.py ARGUMENTS`` in ``tmp_path``: its exit code, and all that it printed."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: "" for name in os.environ if "WANDB" in name}
    environment |= {"HOME": str(home), "WANDB_BASE_URL": wandb_server.url}

    def start(keys: dict[str, str], *arguments: str) -> tuple[int, str]:
        driver = drivers.start(tmp_path, *arguments, **{**environment, **keys})
        return driver.wait(), driver.said

    return start


def test_keys_stand_nowhere_even_if_the_server_echoes_them(
    run: Any, endpoint: Any, wandb_server: Any, tmp_path: Path
):
    # "/" and "+" are what JSON and addresses write in other ways
    key = f"sk-{secrets.token_hex(12)}/+{secrets.token_hex(6)}"
    keys = {"LMANET_TEST_KEY": key, "WANDB_API_KEY": secrets.token_hex(20)}
    endpoint.acts = [
        double.error(429, f"slow down, {key}"),
        double.reply(f'{{"choice": "{key}"}}'),
        double.reply(None, message={"refusal": f"not for {key[:-4]}"}),
        double.choose,
        double.error(401, f"Incorrect API key provided: Bearer {key}"),
    ]
    code, first = run(
        keys,
        "+experiment=bench_lmanet",
        "propose=llm",
        "propose.model=m",
        "propose.prompt={max_attempts:1,rationale:false}",
        "propose.strategy.roles=[rank]",
        "propose.server.api_key_env=LMANET_TEST_KEY",
        f"propose.server.base_url={endpoint.base_url}",
        "budget={proposals:5,trained:null,seconds:null}",
        "track=wandb",
        "track.wandb.mode=offline",
        "stages=[search,report]",
        "hydra.run.dir=run",
    )
    assert code == 1 and "refuses the API key (401): Incorrect API key" in first, first
    endpoint.acts = [double.choose]
    code, second = run(keys, "resume=run", "track.wandb.mode=online")
    assert code == 0, second
    assert set(endpoint.keys) == {f"Bearer {key}"}
    folder = tmp_path / "run"
    for name in ("run.log", "history.jsonl", "report.html"):
        assert "[API key]" in (folder / name).read_text(), "what was echoed came as far as here"
    assert wandb_server.views and list(folder.glob("wandb/offline-run-*"))
    places = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(".hydra" in path for path in places)
    sent = {f"sent to W&B, {place}": body for place, body in enumerate(wandb_server.sent)}
    printed = {"first start": first.encode(), "second start": second.encode()}
    for secret in keys.values():
        pieces = {secret[place:][:PIECE].encode() for place in range(len(secret) - PIECE + 1)}
        found = {
            place
            for place, content in {**places, **sent, **printed}.items()
            if any(piece in content for piece in pieces)
        }
        assert not found


def test_a_key_in_the_place_of_its_name_is_kept_nowhere(typed: Any, tmp_path: Path):
    key = f"sk-{secrets.token_hex(12)}"
    ended = typed(
        "+experiment=bench_lmanet",
        "propose=llm",
        "propose.model=m",
        f"propose.server.api_key_env={key}",
        "hydra.run.dir=run",
    )
    assert ended.code == 1 and "is no name of an environment variable" in ended.error
    assert key not in ended.error + ended.output
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and key.encode() in p.read_bytes()]
