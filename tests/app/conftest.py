"""Configurations composed as Hydra composes them."""

from collections.abc import Callable, Iterator

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from lmanet.app import CONF


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))
