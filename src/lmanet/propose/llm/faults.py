"""What goes wrong at an endpoint, in one sentence, and whether asking again may help."""

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isnan
from typing import Any

from lmanet.errors import EndpointError
from lmanet.propose.llm.address import Endpoint, without_key

# Of these and of 5xx the same request may succeed later; 501 and 505 say that it never will.
PASSING = (408, 409, 425, 429)
LASTING = (501, 505)
# Only these say anything of what was asked; a 500 does where it lasts and names the schema.
ABOUT_THE_REQUEST = (400, 404, 405, 415, 422, 501)
SCHEMA_WORDS = ("response_format", "json_schema", "schema", "grammar")
MOST_SHOWN, MOST_READ = 300, 4000  # characters of a server's words
PIECE = 8  # characters of an API key in a row that no message shows
NO_QUOTA = "insufficient_quota"  # money, which no pause brings
WORDS = ("message", "detail", "msg", "error")  # where an error has its words
CODES = {  # words in place of a status, in an error within a 200
    "rate_limit": 429,
    NO_QUOTA: 429,
    "invalid_api_key": 401,
    "authentication": 401,
    "permission": 403,
    "not_found": 404,
    "invalid_request": 400,
    "overloaded": 503,
}
URL = "propose.server.base_url"


@dataclass(frozen=True)
class Said:
    """An answer that is an error.

    Attributes:
        status: HTTP's, or the one that stands in the error.
        words: the server's own, in one line.
        code: ``insufficient_quota``, or empty.
        headers: their names in lower case.
    """

    status: int
    words: str
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(EndpointError):
    """A request that gave no reply.

    Attributes:
        passing: the same request may succeed later.
        said: the server's error; None where it is no error of the server's.
        pause_s: the server asked for before the next request; None where it did not.
    """

    def __init__(self, sentence: str, passing: bool = False, said: Said | None = None) -> None:
        super().__init__(sentence)
        self.passing = passing
        self.said = said
        self.pause_s = asked_pause(said.headers) if said else None

    @property
    def may_be_schema(self) -> bool:
        """Whether the JSON schema may be what the server refuses. A fault that passes says nothing
        of it; a 500 comes here after all retries.
        """
        if self.said is None:
            return False
        words = self.said.words.lower()
        return self.said.status in ABOUT_THE_REQUEST or (
            self.said.status == 500 and any(word in words for word in SCHEMA_WORDS)
        )

    def names(self, field: str) -> bool:
        """Whether the server refuses the request and names a field of it."""
        return bool(self.said and self.said.status in (400, 422) and field in self.said.words)


def refused(said: Said, endpoint: Endpoint, extra: Mapping[str, Any]) -> Fault:
    """An answer that is an error, as a fault.

    Args:
        extra: `Sampling.extra_body`.
    """
    url, status = endpoint.base_url, said.status
    said = replace(said, words=without_key(said.words, endpoint.api_key, PIECE))
    words = f": {said.words[:MOST_SHOWN]}" if said.words else ""
    passing = status in PASSING or (status >= 500 and status not in LASTING)
    if 300 <= status < 400:
        where = without_key(said.headers.get("location", ""), endpoint.api_key, PIECE)
        sentence = (
            f"{url} sends the request on to {in_one_line(where)[:MOST_SHOWN]} ({status}); put that "
            f"address into {URL}, up to and including /v1"
        )
    elif status in (401, 403):
        sentence = (
            f"{url} refuses the API key ({status}){words}; put a valid one into the environment "
            "variable that propose.server.api_key_env names"
        )
    elif status == 404:
        sentence = (
            f"{url} has no model {endpoint.model!r} (404){words}; correct propose.model, or {URL}, "
            "which ends in /v1"
        )
    elif status == 429:
        passing = said.code != NO_QUOTA
        sentence = (
            f"{url} takes no more requests for now (429){words}; wait, or check the account's quota"
        )
    elif passing:
        sentence = f"{url} fails ({status}){words}; look at the server, and resume when it is well"
    else:
        sentence = f"{url} refuses the request ({status}){words}; {_setting(said.words, extra)}"
    return Fault(sentence, passing, said)


def unreadable(endpoint: Endpoint, what: str) -> Fault:
    """An answer that is no chat completion."""
    return Fault(
        f"{endpoint.base_url} speaks no OpenAI-compatible API: {what}; correct {URL}, which ends "
        "in /v1"
    )


def cut_off(endpoint: Endpoint, received: int) -> Fault:
    """An answer that ends too early, in bytes."""
    return Fault(
        f"the answer of {endpoint.base_url} was cut off after {received:,} bytes; look at the "
        "server, and resume when it is well",
        passing=True,
    )


def too_long(endpoint: Endpoint, most_bytes: int) -> Fault:
    """An answer that is not read to its end."""
    return Fault(
        f"{endpoint.base_url} sent more than {most_bytes:,} bytes, more than any reply asked for "
        "has; look at the server, or raise propose.sampling.max_reply_tokens"
    )


def late(endpoint: Endpoint) -> Fault:
    """No whole answer in time."""
    return Fault(
        f"{endpoint.base_url} gave no whole answer within {endpoint.timeout_s:g} s; look at the "
        "server, or raise propose.server.timeout_s",
        passing=True,
    )


def unconnected(endpoint: Endpoint, limit_s: float) -> Fault:
    """No connection in time."""
    return Fault(
        f"no connection to {endpoint.base_url} within {limit_s:g} s; start the server, or correct "
        f"{URL}",
        passing=True,
    )


def unreachable(error: BaseException, endpoint: Endpoint) -> Fault:
    """A connection that could not be made, or broke."""
    url, causes = endpoint.base_url, list(_causes(error))
    for cause in causes:
        if known := _known(cause, url):
            return known
    # the openai library wraps the error that its HTTP client raised
    inner = causes[min(1, len(causes) - 1)]
    kind = type(inner).__name__
    words = next((str(each) for each in causes[1:] if str(each)), kind)
    words = without_key(in_one_line(words), endpoint.api_key, PIECE)[:MOST_SHOWN]
    if kind == "DecodingError":
        return unreadable(endpoint, f"its compressed answer is damaged ({words})")
    if "illegal status line" in words:
        return Fault(
            f"what answers at {url} speaks no HTTP; if it wants TLS, {URL} begins with https://"
        )
    return Fault(
        f"the connection to {url} broke off ({words}); look at the server, and resume when it is "
        "well",
        passing=True,
    )


def _known(cause: BaseException, url: str) -> Fault | None:
    """A connection's fault of a kind that has a remedy of its own."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Fault(
            f"the certificate of {url} is not trusted ({cause.verify_message}); let SSL_CERT_FILE "
            f"name the file of its authority, or correct {URL}"
        )
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        reason = (cause.reason or str(cause)).lower().replace("_", " ")
        return Fault(
            f"what answers at {url} speaks no TLS ({reason}); if it is a plain server, {URL} "
            "begins with http://"
        )
    if isinstance(cause, socket.gaierror):
        return Fault(
            f"the host of {url} is not known ({cause.strerror}); correct {URL}",
            passing=cause.errno == socket.EAI_AGAIN,
        )
    if isinstance(cause, ConnectionRefusedError):
        return Fault(
            f"nothing answers at {url}; start the server (conf/propose says how) or correct {URL}",
            passing=True,
        )
    return None


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, as a number or a date; None where it does not."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return None if isnan(seconds) else max(seconds, 0.0)
    until = _date(headers.get("retry-after", ""))
    # the server's own clock, where it says it: ours may differ
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0) if until else None


def said_in(content: bytes, status: int, headers: Mapping[str, str]) -> Said:
    """The error in the answer of a failed request."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = content[:MOST_READ].decode(errors="replace")
    error = data.get("error") if isinstance(data, dict) else None
    return read_error(error or data, status, headers)


def read_error(error: object, status: int, headers: Mapping[str, str]) -> Said:
    """An error as servers write it: an object, a list of such, or words alone.

    Args:
        status: of the answer. A 200 has the true one in the error, as a number or in words.
    """
    if isinstance(error, list) and error:
        error = error[0]
    given = error if isinstance(error, Mapping) else {}
    code = " ".join(str(given.get(name) or "") for name in ("code", "type", "status")).lower()
    if status == 200:
        own = next((int(part) for part in code.split() if re.fullmatch("[3-5][0-9]{2}", part)), 0)
        named = (number for name, number in CODES.items() if name in code)
        status = own or next(named, 500)
    return Said(status, in_one_line(_words(error)), NO_QUOTA if NO_QUOTA in code else "", headers)


def in_one_line(text: str) -> str:
    """Text of a stranger without line ends and without letters that steer a terminal."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[:MOST_READ])
    return " ".join(plain.split())


def _words(error: object) -> str:
    """What an error says, without what is wrapped around it."""
    for _ in range(4):  # {"detail": [{"msg": "..."}]}
        if isinstance(error, list) and error:
            error = error[0]
        elif isinstance(error, Mapping):
            error = next((error[name] for name in WORDS if error.get(name)), error)
    try:
        text = str(error or "")
    except RecursionError:  # lists in lists in lists
        return ""
    if "<html" not in text[:MOST_READ].lower():
        return text
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return title[1] if title else re.sub(r"<[^>]*>", " ", text)


def _setting(words: str, extra: Mapping[str, Any]) -> str:
    """Where to change what a server refuses."""
    if "temperature" in words:
        return (
            "set propose.strategy.sampling_temperatures, stall_temperature and "
            "propose.sampling.sampling_temperature to what the model takes"
        )
    for name in extra:
        if name in words:
            return f"take it out with '~propose.sampling.extra_body.{name}'"
    if "context" in words:
        return (
            "serve the model with a longer context, or lower feedback.max_tokens and "
            "propose.sampling.max_reply_tokens"
        )
    return "see propose.sampling and propose.server"


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, and so on; of several the first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or error.__context__
