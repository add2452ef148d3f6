"""A stage with every field, and the whole networks that tests make of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmanet.space import Architecture, parse_architecture

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
        return {"resolution": 32, **whole, "stages": [{**STAGE, **changes} for changes in stages or ({},)]}

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
