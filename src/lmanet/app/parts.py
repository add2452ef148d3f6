"""What the stages of a run are made of: each part is built from its settings when first asked for,
and once.
"""

from functools import cached_property
from typing import Any

from lmanet.app.compose import Config, build, make
from lmanet.app.own_stages import architecture
from lmanet.calls import Engine
from lmanet.errors import ConfigError
from lmanet.run import quantities
from lmanet.run.brief import Brief, Goal
from lmanet.run.folder import RunFolder

ENGINE = "engine"  # key of the options of conf/execute that train on other machines
LATENCY = quantities.LATENCY.name


class Parts:
    """The parts that several stages share.

    Args:
        folder: of the run.
    """

    def __init__(self, cfg: Config, folder: RunFolder) -> None:
        self.cfg = cfg
        self.folder = folder

    @cached_property
    def engine(self) -> Engine | None:
        """Who trains all that may be trained elsewhere, where the option of ``execute`` names one;
        None is this process, and for candidates the executor.
        """
        if ENGINE not in self.cfg.execute:
            return None
        engine: Engine = make(self.cfg.execute[ENGINE], data=self.data)
        return engine

    @cached_property
    def listeners(self) -> list[Any]:
        return list(build(self.cfg.track).values())

    @cached_property
    def space(self) -> Any:
        """The space of the settings, for images of the data's shape where that is known."""
        space, data = build(self.cfg.space), self.data
        if getattr(data, "height", None) is None and getattr(data, "channels", 3) == 3:
            return space
        return space.reading(data.shape, data.resizable)

    @cached_property
    def target(self) -> Any:
        """The board; where the data are sounds, with what their front end takes reserved.

        A comparison builds nothing of the data that a folder names, and so reserves nothing.
        """
        target = build(self.cfg.target)
        heard = (self.cfg.get("data") or {}).get("front_end")
        return target.hearing(build(heard)) if heard and target.limits else target

    @cached_property
    def data(self) -> Any:
        return build(self.cfg.data)

    @cached_property
    def pareto(self) -> Any:
        if LATENCY in self.cfg.pareto.objectives and self.target.runtime != "c_static":
            raise ConfigError(
                f"objective {LATENCY} is known for target.runtime=c_static alone, not for "
                f"{self.target.runtime}; choose that runtime, or objectives without it "
                "(conf/pareto)"
            )
        return make(self.cfg.pareto, limits=self.target.limits)

    @cached_property
    def full_trainer(self) -> Any:
        if self.cfg.train.full is None:
            raise ConfigError(
                "train.full is null, so nothing can be trained or evaluated in full; take another "
                "option of conf/train"
            )
        return make(self.cfg.train.full, data=self.data)

    @cached_property
    def architecture(self) -> Any:
        return architecture(self.cfg.arch, self.folder) if self.cfg.arch else None

    @property
    def objectives(self) -> tuple[Goal, ...]:
        return tuple(
            Goal(name=name, maximise=_direction(name, spec) == "max")
            for name, spec in self.cfg.pareto.objectives.items()
        )

    @property
    def brief(self) -> Brief:
        data = self.data
        return Brief(
            space=self.space,
            seed=self.cfg.seed,
            images=data.description,
            num_classes=data.num_classes,
            limits=self.target.limits,
            platform=self.target.platform,
            objectives=self.objectives,
        )


def _direction(name: str, spec: Config) -> str:
    """Which way an objective is better: as set, or as its quantity says."""
    return str(spec.get("direction") or quantities.quantity(name).direction)
