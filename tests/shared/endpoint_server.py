"""A server of chat completions that misbehaves on demand, over real sockets."""

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[[BaseHTTPRequestHandler], None]


def chat(text: Any, **changes: Any) -> dict[str, Any]:
    """A chat completion; ``changes`` replace its fields, None takes one out."""
    message = {"role": "assistant", "content": text, **changes.pop("message", {})}
    choice = {"index": 0, "finish_reason": changes.pop("finish", "stop"), "message": message}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    whole = {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def reply(text: Any, **changes: Any) -> Act:
    return raw(chat(text, **changes))


def choose(handler: BaseHTTPRequestHandler, **changes: Any) -> None:
    """A healthy answer to the role `rank`: the first of the networks on offer."""
    schema = handler.body["response_format"]["json_schema"]["schema"]
    (wanted,) = schema["properties"].values()
    reply(wanted["items"]["enum"][0], **changes)(handler)


def raw(content: Any, status: int = 200, **headers: str) -> Act:
    """Any content; what is no text or bytes is sent as JSON."""
    if isinstance(content, str):
        content = content.encode()
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()

    def act(handler: BaseHTTPRequestHandler) -> None:
        _begin(handler, status, len(sent), headers)
        handler.wfile.write(sent)

    return act


def error(status: int, words: str, **headers: str) -> Act:
    return raw({"error": {"message": words, "code": status}}, status, **headers)


def damaged_gzip() -> Act:
    packed = gzip.compress(json.dumps(chat("{}")).encode())
    return raw(packed[:12] + b"\xff" * 20, **{"Content-Encoding": "gzip"})


def bomb(megabytes: int) -> Act:
    """Bytes that a few packed ones become."""
    return raw(gzip.compress(b" " * (megabytes << 20)), **{"Content-Encoding": "gzip"})


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Megabytes, until the reader has enough."""
    _begin(handler, 200, 600 << 20, {})
    for _ in range(600):
        handler.wfile.write(b" " * (1 << 20))


def drip(handler: BaseHTTPRequestHandler) -> None:
    """The headers, and then a byte now and again."""
    _begin(handler, 200, 100_000, {})
    _drip(handler, b"{")


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler, b"x")


def _drip(handler: BaseHTTPRequestHandler, byte: bytes) -> None:
    for _ in range(600):
        handler.wfile.write(byte)
        handler.wfile.flush()
        time.sleep(0.05)


def stall(handler: BaseHTTPRequestHandler) -> None:
    handler.server.released.wait(20)


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Fewer bytes than the headers promise."""
    sent = json.dumps(chat("{}")).encode()
    _begin(handler, 200, len(sent), {})
    handler.wfile.write(sent[: len(sent) // 2])
    handler.close_connection = True


def half(handler: BaseHTTPRequestHandler) -> None:
    """Half a body from a server that does not say how long it is."""
    sent = json.dumps(chat("{}")).encode()
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(sent[: len(sent) // 2])
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def _begin(handler: BaseHTTPRequestHandler, status: int, length: int, headers: Any) -> None:
    handler.send_response_only(status)  # without a date of its own
    for name, value in {"Content-Length": str(length), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


class EndpointServer:
    """Takes the acts in turn, the last one for ever.

    Attributes:
        requests: the bodies that came.
        keys: the header that holds the key, of each.
        times: when each came, in seconds.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.acts: list[Act] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.http = _Http(("127.0.0.1", 0), self._handler())
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.base_url = f"http{'s' if context else ''}://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def close(self) -> None:
        self.http.released.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.body = body
                server.requests.append(body)
                server.keys.append(self.headers.get("Authorization", ""))
                server.times.append(time.monotonic())
                act = server.acts.pop(0) if len(server.acts) > 1 else server.acts[0]
                try:
                    act(self)
                except OSError:  # the client has had enough
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        self.released = threading.Event()
        super().__init__(*given)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that fails is what the test wants."""
