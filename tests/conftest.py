"""For all tests, also in the processes that they start; a stage with every field, of which tests
make whole networks; and commands as they are typed, in this process.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings

from lmanet.app import main
from lmanet.network import Architecture, parse_architecture

# pytest-xdist already keeps every core busy; torch's own threads would spin for the same ones, and
# results would depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no defect of the code under test; the time limit of a whole test stays.
settings.register_profile("lmanet", deadline=None)
settings.load_profile("lmanet")

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


@pytest.fixture(scope="session")
def lmanet_data() -> Path:
    """Where the published architectures and weights lie, which the project does not ship."""
    if not (folder := os.environ.get("LMANET_DATA")):
        pytest.skip("the published architectures and weights are not here: LMANET_DATA is not set")
    return Path(folder)


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
