"""One request over HTTP, bounded in its whole time and in the bytes that are read."""

import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import anyio
import openai
from anyio.from_thread import start_blocking_portal

from lmanet.errors import ConfigError
from lmanet.propose.llm.address import CONNECT_LIMIT_S, Endpoint, is_this_machine
from lmanet.propose.llm.faults import (
    late,
    refused,
    said_in,
    too_long,
    unconnected,
    unreachable,
)


class Sent(NamedTuple):
    """An answer that is no error by its status; the names of its headers in lower case."""

    content: bytes
    headers: Mapping[str, str]


class _TooLongError(Exception):
    """More bytes came than any reply that was asked for can have."""


class _Reader(openai.DefaultAsyncHttpxClient):
    """The library's own HTTP client, which here stops reading in time."""

    most_bytes: int

    async def send(self, request: Any, **options: Any) -> Any:
        response = await super().send(request, **{**options, "stream": True})
        content = bytearray()
        try:
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > self.most_bytes:
                    raise _TooLongError
        finally:
            await response.aclose()
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length")  # they tell of it as it came
        }
        return type(response)(
            response.status_code, headers=headers, content=bytes(content), request=request
        )


def post(endpoint: Endpoint, body: Mapping[str, Any], most_bytes: int) -> Sent:
    """Send one request.

    It runs in a loop of its own, which alone can end a request that drips: a limit on the time
    between two bytes never would. A signal ends it at once.

    Args:
        body: of the chat completion.
        most_bytes: of its answer.

    Raises:
        Fault: no answer that could be read.
    """
    try:
        with start_blocking_portal() as portal:
            return portal.call(partial(_post, endpoint, body, most_bytes))
    except (TimeoutError, openai.APITimeoutError) as error:
        if type(error.__cause__).__name__ == "ConnectTimeout":
            raise unconnected(endpoint, CONNECT_LIMIT_S) from None
        raise late(endpoint) from None
    except openai.APIStatusError as error:
        headers = dict(error.response.headers)
        said = said_in(error.response.content, error.status_code, headers)
        raise refused(said, endpoint, body.get("extra_body") or {}) from None
    except (openai.OpenAIError, _TooLongError, OSError, ValueError) as error:
        if any(isinstance(each, _TooLongError) for each in (error, error.__cause__)):
            raise too_long(endpoint, most_bytes) from None
        raise unreachable(error, endpoint) from None


def require_client(endpoint: Endpoint) -> None:
    """Raises `ConfigError` where no client can be made, as with a proxy of a kind that is not
    known.
    """
    try:
        _reader(endpoint, 1)
    except ImportError:
        raise ConfigError(
            "the environment names a SOCKS proxy (ALL_PROXY), which needs the package socksio: pip "
            "install socksio, or name the server in NO_PROXY"
        ) from None
    except ValueError:  # its words may hold the proxy's password
        raise ConfigError(
            "the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) cannot be "
            "used; take one that begins with http://, or name the server in NO_PROXY"
        ) from None


async def _post(endpoint: Endpoint, body: Mapping[str, Any], most_bytes: int) -> Sent:
    with anyio.fail_after(endpoint.timeout_s):
        async with openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            timeout=openai.Timeout(endpoint.timeout_s, connect=CONNECT_LIMIT_S),
            max_retries=0,
            http_client=_reader(endpoint, most_bytes),
        ) as api:
            answer = await api.chat.completions.with_raw_response.create(**body)
            return Sent(answer.http_response.content, dict(answer.http_response.headers))


def _reader(endpoint: Endpoint, most_bytes: int) -> _Reader:
    address = urlsplit(endpoint.base_url)
    settings: dict[str, Any] = {"follow_redirects": False}
    if is_this_machine(address.hostname or ""):
        # no proxy on the way to this machine; authorities are read where TLS needs them
        plain = address.scheme == "http"
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else ssl.create_default_context()
        settings |= {"trust_env": False, "verify": verify}
    reader = _Reader(**settings)
    reader.most_bytes = most_bytes
    return reader
