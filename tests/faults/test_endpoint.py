"""An endpoint that fails, over real sockets: what may pass is asked again, as long as the server
wants; what stays is said in one sentence; no request takes longer than it may.
"""

import logging
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import endpoint_server as double
import pytest
import trustme

from lmanet.errors import ArchitectureError, ConfigError, EndpointError
from lmanet.propose.llm import client as module
from lmanet.propose.llm import transport
from lmanet.propose.llm.address import checked_url, is_this_machine, read_key
from lmanet.propose.llm.client import MOST_EMPTY, Answer, Client, Query
from lmanet.propose.llm.prompt import Prompt
from lmanet.propose.llm.reply import read_reply
from lmanet.propose.llm.sampling import Price, Sampling
from lmanet.propose.llm.servers import RemoteServer
from lmanet.propose.llm.usage import prompt_bound

ASK: Any = [{"role": "user", "content": "a network, please"}]
LONGEST = 64  # tokens of a reply
MOST_PAUSE_S = 10  # for a pause of a second, on a busy machine
KEY = "sk-Zq7/tR2+wX9mB4vN"


@pytest.fixture
def server() -> Iterator[Any]:
    made = double.EndpointServer()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)


def connect(url: str, structured: str = "auto", retries: int = 2, **settings: Any) -> Client:
    given = {"api_key_env": None, "timeout_s": 5.0, "longest_pause_s": 3.0} | settings
    remote = RemoteServer(url, retries=retries, **given)
    sampling = Sampling(1.5, LONGEST, structured, extra_body={"min_p": 0.1})
    return Client(remote.start("some-model"), sampling)


def ask(client: Client, seed: int = 0) -> Answer:
    return client.ask(Query(ASK, {"type": "object"}, seed, sampling_temperature=1.5))


def sentence(client: Client) -> str:
    with pytest.raises(EndpointError) as caught:
        ask(client)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What may pass


PASSING = {
    **{str(status): double.error(status, "busy") for status in (408, 409, 425, 429, 500, 503, 529)},
    "an error within a 200": double.raw({"error": {"message": "slow down", "code": 429}}),
    "one with words in place of a number": double.raw({"error": {"code": "rate_limit_exceeded"}}),
    "one within a choice": double.raw({"choices": [{"error": {"code": 502, "message": "oh"}}]}),
    "a body that is cut": double.cut,
    "half a body without a length": double.half,
    "an empty body": double.raw(""),
    "a reset": double.reset,
    "a schema that was named in passing": double.error(503, "Loading model, no json_schema yet"),
    "a 500 that names the schema once": double.error(500, "grammar: out of memory"),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_overcome_and_never_switches_the_schema_off(server: Any, name: str):
    server.acts = [PASSING[name], double.reply("{}")]
    client = connect(server.base_url)
    answer = ask(client)
    assert (answer.text, answer.structured) == ("{}", True) and client.structured
    assert (answer.usage.requests, answer.usage.retries) == (2, 1)


@pytest.mark.parametrize("name", [name for name in PASSING if "500" not in name])
def test_a_fault_that_does_not_pass_ends_after_the_retries(server: Any, name: str):
    server.acts = [PASSING[name]]
    client = connect(server.base_url, retries=1)
    assert server.base_url in sentence(client) and client.structured
    assert len(server.requests) == 2


def test_the_server_is_asked_again_when_it_wants(server: Any):
    server.acts = [double.error(429, "slow down", **{"Retry-After": "1"}), double.reply("{}")]
    assert ask(connect(server.base_url)).text == "{}"
    assert 1.0 <= server.times[1] - server.times[0] < MOST_PAUSE_S


def test_a_date_is_read_by_the_server_s_own_clock(server: Any):
    now = datetime(2020, 1, 1, tzinfo=UTC)
    until = format_datetime(now + timedelta(seconds=1), usegmt=True)
    headers = {"Retry-After": until, "Date": format_datetime(now, usegmt=True)}
    server.acts = [double.error(503, "loading", **headers), double.reply("{}")]
    ask(connect(server.base_url))
    assert 1.0 <= server.times[1] - server.times[0] < MOST_PAUSE_S


@pytest.mark.parametrize("asked", ["", "soon", "-5", "nan", "0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_pause_without_sense_is_ours(server: Any, asked: str):
    server.acts = [double.error(429, "slow down", **{"Retry-After": asked}), double.reply("{}")]
    assert ask(connect(server.base_url)).text == "{}"
    assert server.times[1] - server.times[0] < MOST_PAUSE_S


@pytest.mark.parametrize("asked", ["3600", "1e999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_pause_beyond_the_ceiling_is_not_waited_for(server: Any, asked: str):
    server.acts = [double.error(429, "slow down", **{"Retry-After": asked})]
    said = sentence(connect(server.base_url))
    assert "slow down" in said and "longest_pause_s is 3" in said and len(server.requests) == 1


def test_an_account_without_money_is_not_asked_again(server: Any):
    server.acts = [double.raw({"error": {"message": "pay", "code": "insufficient_quota"}}, 429)]
    assert "(429): pay; wait, or check the account" in sentence(connect(server.base_url))
    assert len(server.requests) == 1


# What stays


@pytest.mark.parametrize(
    ("act", "says", "requests"),
    [
        (double.error(401, "no such key"), "refuses the API key (401): no such key", 1),
        (double.error(403, "not in your region"), "API key (403): not in your region", 1),
        (double.error(402, "pay first"), "refuses the request (402): pay first", 1),
        # with the schema and without
        (double.error(404, "unknown"), "has no model 'some-model' (404): unknown", 2),
        (double.error(400, "too many tokens for the context"), "with a longer context", 2),
        (double.error(400, "'temperature' must be 1"), "propose.strategy.sampling_temperature", 2),
        (double.error(422, "extra field min_p"), "'~propose.sampling.extra_body.min_p'", 2),
        (double.raw({"detail": [{"msg": "bad seed"}]}, 422), "(422): bad seed", 2),
        (double.raw("<html><title>502 Bad gate</title>x", 502), "fails (502): 502 Bad gate;", 3),
        (double.raw("\x1b[2Jgone\x07", 500), "fails (500): [2Jgone;", 3),
        (double.raw({"error": "model not loaded"}), "fails (500): model not loaded;", 3),
        (double.raw({"error": {"code": "invalid_api_key"}}), "refuses the API key (401)", 1),
        (double.raw("", 307, Location="https://there/v1"), "sends the request on to https://th", 1),
        (double.damaged_gzip(), "its compressed answer is damaged", 1),
        (double.raw("<html>hello</html>"), "its answer is no JSON (<html>hello</html>)", 1),
        (double.raw("data: {}\n\n"), "its answer is no JSON (data: {})", 1),
        (double.raw(b"\xff\xfe\xff{"), "its answer is no JSON", 1),
        (double.raw("[" * 100_000), "its answer is no JSON", 1),
        (double.raw("[]"), "its answer is no JSON object", 1),
        (double.raw({"choices": {"0": {}}}), "no choices[0].message", 1),
        (double.raw({"choices": []}), "no choices[0].message", 1),
        (double.raw({"choices": [None]}), "no choices[0].message", 1),
        (double.reply(5), "content is of type int", 1),
        (double.reply({"a": 1}), "content is of type dict", 1),
        (double.endless, "sent more than 266,240 bytes", 1),
        (double.bomb(20), "sent more than 266,240 bytes", 1),
        (double.raw("x" * 10_000_000, 500), "sent more than 266,240 bytes", 1),
    ],
)
def test_a_lasting_fault_is_said_in_one_sentence_with_the_server_s_words(
    server: Any, act: Any, says: str, requests: int
):
    server.acts = [act]
    said = sentence(connect(server.base_url))
    assert says in said and len(said) < 700 and said.isprintable()
    assert len(server.requests) == requests


@pytest.mark.parametrize("act", [double.stall, double.drip, double.drip_headers])
def test_the_whole_time_of_a_request_is_bounded(server: Any, act: Any):
    server.acts = [act]
    began = time.monotonic()
    assert "no whole answer within 0.4 s" in sentence(
        connect(server.base_url, retries=1, timeout_s=0.4)
    )
    assert len(server.requests) == 2 and time.monotonic() - began < 15, "it drips for 30"


def test_nothing_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = sentence(connect(f"http://127.0.0.1:{port}/v1"))
    assert f"nothing answers at http://127.0.0.1:{port}/v1" in said


def test_a_connection_that_is_never_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "CONNECT_LIMIT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(3):  # nobody accepts them, so that no more find room
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        said = sentence(connect(f"http://127.0.0.1:{full.getsockname()[1]}/v1", retries=0))
    assert "no connection to http://127.0.0.1" in said and "within 0.3 s" in said


def test_a_host_that_is_not_known_is_asked_for_once():
    began = time.monotonic()
    said = sentence(connect("http://nowhere.invalid/v1", retries=9))
    assert "the host of http://nowhere.invalid/v1 is not known" in said
    assert time.monotonic() - began < 9


def test_tls(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = double.EndpointServer(context)
    secure.acts = server.acts = [double.reply("{}")]
    try:
        assert "is not trusted" in sentence(connect(secure.base_url))
        plain_port = server.base_url.replace("http", "https")
        assert "speaks no TLS (wrong version number)" in sentence(connect(plain_port))
        tls_port = secure.base_url.replace("https", "http")
        assert "broke off" in sentence(connect(tls_port))
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        assert ask(connect(secure.base_url)).text == "{}"
    finally:
        secure.close()


# The schema, and the field for the longest reply


@pytest.mark.parametrize(
    ("status", "words", "refusals"),
    [
        (400, "response_format is not supported", 1),
        (404, "no provider takes response_format", 1),
        (422, "extra fields", 1),
        (501, "not implemented", 1),
        (500, "json_schema type not handled", 3),  # only where it lasts
    ],
)
def test_a_refused_schema_is_given_up_once_and_said(
    server: Any, caplog: pytest.LogCaptureFixture, status: int, words: str, refusals: int
):
    texts = [double.reply("one"), double.reply("two")]
    server.acts = [double.error(status, words)] * refusals + texts
    client = connect(server.base_url)
    with caplog.at_level(logging.WARNING):
        answers = [ask(client), ask(client, 1)]
    assert [(each.text, each.structured) for each in answers] == [("one", False), ("two", False)]
    with_schema = ["response_format" in body for body in server.requests]
    assert with_schema == [True] * refusals + [False, False]
    assert caplog.text.count("Plain text from here on") == 1


def test_the_newer_name_of_the_longest_reply_is_remembered(server: Any):
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.acts = [double.error(400, words), double.reply("{}")]
    client = connect(server.base_url)
    assert ask(client).structured and ask(client).usage.requests == 1
    fields = [{*body} & {"max_tokens", "max_completion_tokens"} for body in server.requests]
    assert fields == [{"max_tokens"}, {"max_completion_tokens"}, {"max_completion_tokens"}]


# Replies


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "{"}, {"type": "image_url"}, {"text": "}"}], "{}"),
        (["{", "}"], "{}"),
        ("\ud800{}", "?{}"),
    ],
)
def test_the_text_of_a_content_in_parts_is_joined(server: Any, content: Any, text: str):
    server.acts = [double.reply(content)]
    assert ask(connect(server.base_url)).text == text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"message": {"reasoning_content": "{}"}}, "reasoning alone (reasoning_content) came"),
        ({"message": {"tool_calls": [{"id": "1"}]}}, "calls of tools (tool_calls) came"),
        ({"message": {"refusal": "I will not"}}, "a refusal (refusal) came: I will not"),
        ({"finish": "content_filter"}, "nothing came; finish_reason=content_filter"),
    ],
)
@pytest.mark.parametrize("content", [None, "", " \n", []])
def test_what_came_in_place_of_a_text_is_said(server: Any, content: Any, changes: Any, says: str):
    server.acts = [double.reply(content, **changes)]
    answer = ask(connect(server.base_url))
    assert not answer.text.strip() and says in answer.instead


def test_empty_replies_in_a_row_end_the_run(server: Any):
    empty = double.reply(None, finish="content_filter")
    server.acts = [empty, double.reply("{}"), empty]
    client = connect(server.base_url)
    for _ in range(MOST_EMPTY + 1):
        ask(client)
    said = sentence(client)
    assert f"{MOST_EMPTY} replies" in said and "finish_reason=content_filter" in said


def test_an_empty_turn_is_not_sent_back():
    (message,) = Prompt(2).ask_again(ASK, " \n", "the reply is empty")
    assert message["role"] == "user" and "the reply is empty" in message["content"]
    assert message["content"].startswith(ASK[0]["content"])


@pytest.mark.parametrize(
    "thinking",
    [
        '<think>first {"stages": 1}',
        "\n<thinking>\nhm",
        "[THINK]hm",
        "<think>a</think>\n<think>b",
    ],
)
def test_a_draft_within_thinking_that_never_ends_is_no_reply(thinking: str):
    with pytest.raises(ArchitectureError, match="thinking aloud alone"):
        read_reply(thinking)


@pytest.mark.parametrize("end", ["</think>", "</thinking>", "[/THINK]"])
def test_what_follows_thinking_is_the_reply(end: str):
    assert read_reply(f'{{"a": 1}} so {"x" * 20_000}{end}{{"b": 2}}').values == ({"b": 2},)


# The budget of tokens


@pytest.mark.parametrize("usage", [None, {}, [], "many", {"prompt_tokens": None}])
def test_tokens_that_are_not_counted_are_bounded(
    server: Any, caplog: pytest.LogCaptureFixture, usage: Any
):
    server.acts = [double.reply('{"a": 1}', usage=usage)]
    client = connect(server.base_url)
    with caplog.at_level(logging.WARNING):
        used, again = ask(client).usage, ask(client).usage
    assert used.prompt_tokens == prompt_bound(ASK) and 0 < used.completion_tokens <= LONGEST
    assert used.bounded_tokens == used.tokens == again.tokens
    assert caplog.text.count("does not count tokens") == 1


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4}, (9, 0, 4)),
        ({"prompt_tokens": 9.0, "completion_tokens": 4.0, "total_tokens": 13}, (9, 0, 4)),
        ({"input_tokens": 9, "output_tokens": 4}, (9, 0, 4)),
        # thinking that is counted in the total alone
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 40}, (9, 0, 31)),
        ({"completion_tokens": 4, "total_tokens": 40}, (36, 0, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 99},
            },
            (9, 9, 4),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None},
            (9, 0, 4),
        ),
    ],
)
def test_usage_is_read_in_every_shape(server: Any, usage: Any, counts: Any):
    server.acts = [double.reply("{}", usage=usage)]
    used = ask(connect(server.base_url)).usage
    assert (used.prompt_tokens, used.cached_tokens, used.completion_tokens) == counts
    assert used.bounded_tokens == 0


@pytest.mark.parametrize("wrong", [-5, True, "10", 1.5, 10**400, 1e300, 0])
def test_a_count_without_sense_is_bounded(server: Any, wrong: Any):
    server.acts = [double.reply("{}", usage={"prompt_tokens": wrong, "completion_tokens": wrong})]
    client = connect(server.base_url)
    client.sampling = Sampling(1.5, LONGEST, price=Price(1.0, 1.0, 1.0))
    used = ask(client).usage
    assert used.prompt_tokens == prompt_bound(ASK) and used.completion_tokens >= 1
    assert used.bounded_tokens == used.tokens


def test_a_reply_that_was_cut_is_bounded_by_the_longest(server: Any):
    server.acts = [double.reply("{", usage=None, finish="length")]
    assert ask(connect(server.base_url)).usage.completion_tokens == LONGEST


# Address, proxy and key


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("127.0.0.1:8000/v1", "it must begin with http:// or https://"),
        ("localhost:8000/v1", "it must begin with"),
        ("ftp://host/v1", "it must begin with"),
        ("http://[::1/v1", "Invalid IPv6 URL"),
        ("http://[zz]/v1", "IP"),
        ("http://::1:8000/v1", "ort"),
        ("http://host:99999/v1", "ort"),
        ("http://host:port/v1", "ort"),
        ("http:///v1", "names no host"),
        ("http://a..b/v1", "label"),
        ("http://ho st/v1", "a space or a control character"),
        ("http://host/v1\r", "a space or a control character"),
        ("http://host/v1?api-version=1", "no ? and no #"),
        ("http://host/v1/chat/completions", "before /chat/completions"),
        ("", "it must begin with"),
        (None, "it must begin with"),
    ],
)
def test_an_address_without_sense_is_said_at_once(url: Any, says: str):
    with pytest.raises(ConfigError, match=r"propose\.server\.base_url") as caught:
        RemoteServer(url, None, 1.0, 0).require("m")
    assert says in str(caught.value) and "give an address such as" in str(caught.value)


def test_a_password_in_the_address_is_not_shown():
    with pytest.raises(ConfigError, match="no name or password may stand in it") as caught:
        checked_url("http://me:geheimnis@host/v1")
    assert "geheimnis" not in str(caught.value)


def test_a_slash_at_the_end_changes_nothing(server: Any):
    server.acts = [double.reply("{}")]
    assert ask(connect(f"{server.base_url}/")).text == "{}"


@pytest.mark.parametrize("key", ["sk-1234\r", "sk-1234\n", "sk 1234", "schlüssel", " ", "\x00k"])
def test_a_key_that_no_header_can_hold_is_said_at_once(monkeypatch: pytest.MonkeyPatch, key: str):
    monkeypatch.setattr(os, "environ", {"LMANET_TEST_KEY": key})
    with pytest.raises(ConfigError, match="LMANET_TEST_KEY") as caught:
        read_key("LMANET_TEST_KEY")
    assert key.strip() not in str(caught.value) or not key.strip()


@pytest.mark.parametrize("pasted", ["sk-live-123456", "hf_abcdefgh"])
def test_a_key_in_the_place_of_its_name_is_not_shown(pasted: str):
    with pytest.raises(ConfigError, match="api_key_env") as caught:
        read_key(pasted)
    assert pasted not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.9.9", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "::1", "::"),
        *("localhost", "LOCALHOST", "localhost.", "my.localhost", "::ffff:127.0.0.1"),
    ],
)
def test_the_loopback_in_every_spelling_is_direct(host: str):
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["localhost.com", "10.0.0.1", "128.0.0.1", "::2", "host", "1"])
def test_another_machine_is_not_the_loopback(host: str):
    assert not is_this_machine(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.1", "localhost"])
def test_no_proxy_stands_before_this_machine(
    server: Any, monkeypatch: pytest.MonkeyPatch, host: str
):
    for name in ("http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.acts = [double.reply("{}")]
    url = server.base_url.replace("127.0.0.1", host)
    RemoteServer(url, None, 5.0, 0).require("m")
    assert ask(connect(url, retries=0)).text == "{}"


@pytest.mark.parametrize("proxy", ["socks9://user:geheimnis@127.0.0.1:9", "nonsense://x"])
def test_a_proxy_of_an_unknown_kind_is_said_at_once(monkeypatch: pytest.MonkeyPatch, proxy: str):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match=r"the proxy .*ALL_PROXY.* cannot be used") as caught:
        RemoteServer("http://some.host/v1", None, 1.0, 0).require("m")
    assert "geheimnis" not in str(caught.value)


def test_a_socks_proxy_needs_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(ConfigError, match="needs the package socksio: pip install socksio"):
        RemoteServer("http://some.host/v1", None, 1.0, 0).require("m")


@pytest.mark.parametrize("echo", [KEY, f"Bearer {KEY}.", KEY[:12] + "...", f"({KEY[4:]})"])
def test_a_key_that_the_server_echoes_is_hidden(
    server: Any, monkeypatch: pytest.MonkeyPatch, echo: str
):
    monkeypatch.setenv("LMANET_TEST_KEY", KEY)
    for act in (
        double.error(401, f"wrong key {echo}"),
        double.raw({"error": f"wrong key {echo}"}),
        double.raw("", 302, Location=f"http://x/{echo}"),
        double.raw(f"wrong key {echo}", 400),
        double.reply(None, message={"refusal": echo}),
    ):
        server.acts = [act]
        client = connect(server.base_url, retries=0, api_key_env="LMANET_TEST_KEY")
        try:
            said = ask(client).instead
        except EndpointError as fault:
            said = str(fault)
        pieces = [KEY[place : place + 8] for place in range(len(KEY) - 7)]
        assert not [piece for piece in pieces if piece in said] and "[API key]" in said
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_reply_that_holds_the_key_is_kept_without_it(
    server: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LMANET_TEST_KEY", KEY)
    server.acts = [double.reply(f'{{"a": "{KEY}"}}')]
    answer = ask(connect(server.base_url, api_key_env="LMANET_TEST_KEY"))
    assert answer.text == '{"a": "[API key]"}'
