"""What the client asks, and when it gives up the schema; tests/faults/test_endpoint.py has what
fails.
"""

from typing import Any

import pytest

from lmanet.errors import ConfigError, EndpointError
from lmanet.propose.llm.client import Client, Query
from lmanet.propose.llm.sampling import Price, Sampling
from lmanet.propose.llm.servers import RemoteServer

ASK: Any = [{"role": "user", "content": "a network, please"}]


def ask(seed: int = 0) -> Query:
    return Query(ASK, {"type": "object"}, seed, sampling_temperature=1.5)


def connect(
    base_url: str, structured: str = "auto", retries: int = 2, timeout_s: float = 5.0
) -> Client:
    server = RemoteServer(base_url, api_key_env=None, timeout_s=timeout_s, retries=retries)
    sampling = Sampling(1.5, 64, structured, extra_body={"min_p": 0.1})
    return Client(server.start("some-model"), sampling)


def test_asks_as_it_is_told(endpoint: Any) -> None:
    endpoint.answers = [(200, "{}")]
    answer = connect(endpoint.base_url).ask(ask(7))
    assert (answer.text, answer.cut, answer.structured) == ("{}", False, True)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.requests) == (
        100,
        10,
        1,
    )
    (body,) = endpoint.requests
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    del body["response_format"]
    assert body == {
        "model": "some-model",
        "messages": ASK,
        "seed": 7,
        "temperature": 1.5,
        "max_tokens": 64,
        "min_p": 0.1,
    }


def test_plain_text_is_asked_for_without_a_schema(endpoint: Any) -> None:
    endpoint.answers = [(200, "a note")]
    answer = connect(endpoint.base_url).ask(Query(ASK, None, 0, sampling_temperature=0.5))
    assert (answer.text, answer.structured) == ("a note", False)
    assert (
        "response_format" not in endpoint.requests[0] and endpoint.requests[0]["temperature"] == 0.5
    )


def test_the_price_counts_cached_tokens_apart() -> None:
    assert Price(prompt=2.0, cached=0.5, completion=8.0).of(
        1_000_000, 400_000, 500_000
    ) == pytest.approx(1.2 + 0.2 + 4.0)


def test_a_fault_that_is_not_the_schema_stays_a_fault(endpoint: Any) -> None:
    endpoint.answers = [(400, "context length exceeded")]
    client = connect(endpoint.base_url)
    with pytest.raises(EndpointError, match="context length exceeded"):
        client.ask(ask())
    assert client.structured


def test_a_server_that_took_the_schema_is_not_asked_in_plain_text(endpoint: Any) -> None:
    endpoint.answers = [(200, "{}"), (400, "context length exceeded")]
    client = connect(endpoint.base_url)
    client.ask(ask())
    with pytest.raises(EndpointError, match="context length exceeded"):
        client.ask(ask())
    assert len(endpoint.requests) == 2


def test_always_means_always(endpoint: Any) -> None:
    endpoint.answers = [(400, "response_format is not supported")]
    with pytest.raises(EndpointError, match="response_format"):
        connect(endpoint.base_url, structured="always").ask(ask())
    assert len(endpoint.requests) == 1


def test_the_key_comes_from_the_environment_and_stays_out_of_sight(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RemoteServer(endpoint.base_url, api_key_env="LMANET_TEST_KEY", timeout_s=5, retries=0)
    monkeypatch.delenv("LMANET_TEST_KEY", raising=False)
    with pytest.raises(ConfigError, match="LMANET_TEST_KEY is empty"):
        server.start("m")
    monkeypatch.setenv("LMANET_TEST_KEY", "secret")
    endpoint.answers = [(200, "{}")]
    reached = server.start("m")
    Client(reached, Sampling(1.0, 8)).ask(ask())
    assert endpoint.keys == ["Bearer secret"] and "secret" not in repr(reached)


@pytest.mark.parametrize(
    ("name", "value"), [("timeout_s", 0.0), ("retries", -1), ("longest_pause_s", -1.0)]
)
def test_refuses_settings_without_sense(name: str, value: float) -> None:
    settings: dict[str, Any] = {"timeout_s": 1.0, "retries": 0} | {name: value}
    with pytest.raises(ConfigError, match=name):
        RemoteServer("http://127.0.0.1:1/v1", None, **settings).start("m")
    with pytest.raises(ConfigError, match=r"sampling\.structured"):
        Sampling(1.0, 8, "sometimes")
