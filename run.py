"""Entry point: composes the configuration, builds the steps and runs the stages asked for. The only file that imports hydra.

    python run.py +experiment=quickstart
    python run.py resume=multirun/quickstart/2026-01-31_12-00-00
"""

import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from lmanet.errors import ConfigError, LmanetError
from lmanet.history import History, remember_settings
from lmanet.records import Brief, Budget
from lmanet.search import Search, Steps
from lmanet.space import Architecture, load_architecture

ROOT_KEYS = frozenset(
    "space target data propose validate train execute pareto feedback distill explain track "
    "name seed stages budget train_best arch checkpoint resume".split()
)
# What trials must share to be compared: a resumed search refuses any change in these.
SHARED_SETTINGS = ("space", "target", "data", "validate", "pareto", "seed")


class Run:
    """One run: its folder, its parts (each made when first asked for) and its stages."""

    def __init__(self, cfg: DictConfig, folder: Path) -> None:
        if unknown := sorted(set(map(str, cfg)) - ROOT_KEYS):
            raise ConfigError(f"unknown setting {', '.join(unknown)}; legal at the root are {', '.join(sorted(ROOT_KEYS))} (conf/config.yaml)")
        stages = {"search": self.search, "train": self.train, "distill": self.distill, "evaluate": self.evaluate, "report": self.report}
        if unknown := [stage for stage in cfg.stages if stage not in stages]:
            raise ConfigError(f"stages: no stage is called {', '.join(unknown)}; legal are {', '.join(stages)} (conf/config.yaml)")
        self.cfg = cfg
        self.folder = folder
        self.stages = [stages[name] for name in cfg.stages]

    def start(self) -> None:
        """Run the stages in the order given."""
        for stage in self.stages:
            stage()

    @cached_property
    def space(self) -> Any:
        return instantiate(self.cfg.space)
