"""For all tests, also in the processes that they start; and a stage with every field, of which
tests make whole networks.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

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
