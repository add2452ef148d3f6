"""Hydra, which is imported here and nowhere else: ``conf/`` and the command line -> configurations, and configurations -> objects."""

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from lmanet.errors import ConfigError, LmanetError

CONF = Path(__file__).parents[3] / "conf"
Config = DictConfig


def launch(task: Callable[[Config], None], arguments: Sequence[str]) -> None:
    """Hand the command line to Hydra, which composes the configuration of each job and calls ``task`` with it."""
    sys.argv[1:] = arguments  # Hydra reads its arguments there
    hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(task)()


def plain(config: Any) -> Any:
    """A part of the configuration as lists, dictionaries and values."""
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def read_config(path: Path, **changes: Any) -> Config:
    """A configuration as a run's folder holds it, with values of the root replaced."""
    config = OmegaConf.merge(OmegaConf.load(path), changes)
    assert isinstance(config, DictConfig)
    return config


def make(config: Config, **parts: Any) -> Any:
    """Build what a group of ``conf/`` describes, with parts that other groups made.

    Raises:
        ConfigError: a key that its constructor does not know, or lacks.
        LmanetError: what a constructor raised.
    """
    # Not as keywords of `instantiate`: it would turn a dataclass into a configuration.
    factory = build(config, partial=True)
    try:
        inspect.signature(factory.func).bind(*factory.args, **factory.keywords, **parts)
    except TypeError as error:
        raise ConfigError(f"{config._target_} does not take these settings: {error} (conf/)") from error
    return factory(**parts)


def build(config: Config, partial: bool = False) -> Any:
    """Build what a group of ``conf/`` describes.

    Raises:
        LmanetError: what a constructor raised, or `ConfigError` in place of any other error.
    """
    try:
        return instantiate(config, _partial_=True) if partial else instantiate(config)
    except InstantiationException as error:  # Hydra wraps what a constructor raised
        cause = error.__cause__
        if isinstance(cause, LmanetError):
            raise cause from None
        raise ConfigError(" ".join(f"{error} {cause or ''}".split())) from error
