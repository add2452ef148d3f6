"""Where a model is reached and the key to it, held against the rules before anything is sent."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from lmanet.errors import ConfigError, EndpointError

NO_KEY = "none"  # the client wants one; servers that need none ignore it
CONNECT_LIMIT_S = 10.0
LONGEST_PAUSE_S = 300.0
PORTS = {"http": 80, "https": 443}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHORTEST_SECRET = 8  # characters; a shorter key, such as "test", may be a word of any text
HIDDEN = "[API key]"


@dataclass(frozen=True)
class Endpoint:
    """A model behind an OpenAI-compatible API.

    Attributes:
        base_url: address up to and including ``/v1``.
        model: the name under which the server knows the model.
        timeout_s: seconds that one request may take in all.
        retries: further requests after one that failed for a passing reason.
        longest_pause_s: that the server may ask for between two requests.
    """

    base_url: str
    model: str
    timeout_s: float
    retries: int
    api_key: str = field(default=NO_KEY, repr=False)
    longest_pause_s: float = LONGEST_PAUSE_S

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.retries < 0 or self.longest_pause_s < 0:
            raise ConfigError(
                f"propose.server: timeout_s={self.timeout_s} must be above 0, "
                f"retries={self.retries} and longest_pause_s={self.longest_pause_s} at least 0"
            )


def checked_url(base_url: str) -> str:
    """The address of an API without a slash at its end.

    Raises:
        ConfigError: no request could be sent there, or a password stands in it.
    """
    address = base_url if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(address)
        fault = _fault(parts, address)
    except ValueError as error:
        parts, fault = SplitResult("", "", "", "", ""), str(error)
    if fault:
        shown = "" if parts.username or "@" in address else f"={base_url}"
        raise ConfigError(
            f"propose.server.base_url{shown}: {fault}; give an address such as "
            "http://127.0.0.1:8000/v1"
        )
    return address.rstrip("/")


def _fault(parts: SplitResult, address: str) -> str:
    """What is wrong with an address; empty where nothing is."""
    if any(letter.isspace() or not letter.isprintable() for letter in address):
        return "it holds a space or a control character"
    if parts.scheme not in PORTS:
        return "it must begin with http:// or https://"
    if not parts.hostname or parts.port == 0:
        return "it names no host, or port 0"
    if parts.username or parts.password:
        return "no name or password may stand in it, propose.server.api_key_env names the key"
    if parts.query or parts.fragment:
        return "nothing may follow the path, no ? and no #"
    if parts.path.rstrip("/").endswith("/completions"):
        return "it must end before /chat/completions"
    parts.hostname.encode("idna")  # ValueError: a label is empty or too long
    return ""


def is_this_machine(host: str) -> bool:
    """Whether a host is the loopback in any spelling; no proxy stands before it."""
    name = host.rstrip(".").lower().partition("%")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))  # 127.1, 0x7f000001
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def require_listener(base_url: str) -> None:
    """Raises `EndpointError` where no server accepts a connection; one behind a proxy is not
    tried.
    """
    address = urlsplit(base_url)
    host = address.hostname or ""
    proxied = {address.scheme, "all"} & getproxies().keys() and not proxy_bypass(host)
    if proxied and not is_this_machine(host):
        return
    place = (host, address.port or PORTS[address.scheme])
    try:
        socket.create_connection(place, timeout=CONNECT_LIMIT_S).close()
    except OSError as error:
        raise EndpointError(
            f"no server answers at {base_url} ({error.strerror or error}); start it, or correct "
            "propose.server.base_url"
        ) from error


def read_key(variable: str | None) -> str:
    """The API key.

    Args:
        variable: the environment variable that holds it; None where the server wants none.

    Raises:
        ConfigError: there is none in it, or no header can hold it. No message shows what may be a
            key.
    """
    if variable is None:
        return NO_KEY
    if not VARIABLE.fullmatch(variable):
        raise ConfigError(
            "propose.server.api_key_env is no name of an environment variable (letters, digits "
            "and _); give the name, and export the key itself in that variable alone"
        )
    key = os.environ.get(variable, "")
    # By custom a variable is in capitals; anything else may be a key in the wrong place.
    shown = variable if variable.isupper() else "that propose.server.api_key_env names"
    if not key:
        raise ConfigError(
            f"the environment variable {shown} is empty; export the API key in it, "
            "or change propose.server.api_key_env"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            f"the environment variable {shown} holds a space, a line end or a letter beyond "
            "ASCII, which no API key has; export the key anew"
        )
    return key


def without_key(text: str, key: str, shortest: int | None = None) -> str:
    """A text in which no API key stands.

    Args:
        shortest: pieces of the key of at least so many characters are hidden as well; None hides
            the whole key alone.
    """
    if len(key) < SHORTEST_SECRET:
        return text
    size = min(shortest or len(key), len(key))
    pieces = {key[start : start + size] for start in range(len(key) - size + 1)}
    covered = [False] * len(text)
    for start in range(len(text) - size + 1):
        if text[start : start + size] in pieces:
            covered[start : start + size] = [True] * size
    shown = "".join(
        "\0" if hidden else letter for letter, hidden in zip(text, covered, strict=True)
    )
    return re.sub("\0+", HIDDEN, shown) if any(covered) else text
