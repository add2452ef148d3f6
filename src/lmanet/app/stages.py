"""A run: what each of its stages is built from, and the stages that were
asked for, in their order.
"""

import logging
from functools import cached_property, partial
from typing import Any

from lmanet.app import own_stages
from lmanet.app.compose import Config, build, make, plain, read_config
from lmanet.app.lock import owned, require_room
from lmanet.app.own_stages import CompareStage, SearchStage
from lmanet.app.settings import ROOT_KEYS, check_groups, check_root
from lmanet.base import settings_id
from lmanet.cost import Cost
from lmanet.errors import ConfigError
from lmanet.run import quantities
from lmanet.run.brief import Brief, Budget, Goal
from lmanet.run.folder import DISTILL, FRONT, FULL, HYDRA, RunFolder
from lmanet.run.history import History
from lmanet.run.mend import Mending
from lmanet.run.provenance import provenance
from lmanet.search import Search, Steps
from lmanet.steps import Checked, CheckedData, Stage

__all__ = ["ROOT_KEYS", "SHARED_SETTINGS", "Run"]
log = logging.getLogger(__name__)
# What trials must share to be compared: a resumed search refuses a change in these.
SHARED_SETTINGS = ("space", "target", "data", "validate", "pareto", "seed")
WITHOUT_NETWORKS = ("search", "rules", "export", "mend", "compare")  # the others need a network
LATENCY = quantities.LATENCY.name
# Stage -> the stage that makes what it needs, where that stands, and what it is.
TRAINED = ("train", (FULL, DISTILL), "trained network")
NEEDS = {
    "train": ("search", (FRONT,), "front"),
    **dict.fromkeys(("distill", "deploy", "explain", "evaluate", "release"), TRAINED),
}


class Run:
    """One run: its parts, each made when first asked for, and its stages."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.folder = RunFolder(cfg.folder)
        self.names = [cfg.stages] if isinstance(cfg.stages, str) else list(cfg.stages)
        self._prepared: list[Stage] | None = None

    def prepare(self) -> list[Stage]:
        """Check every setting, build what the stages asked for need, and let each say what it
        lacks.

        Raises:
            LmanetError: one of them cannot work as it is set, or needs what is not there.
        """
        if self._prepared is None:
            self._check_settings()
            self._check_space()
            stages = [getattr(self, f"_{name}")() for name in self.names]
            for part in (*stages, *self.listeners):
                if isinstance(part, Checked):
                    part.require()
            self._check_data()
            self._check_order()
            self._prepared = stages
        return self._prepared

    def start(self) -> None:
        """Run the stages asked for, in the order given, in the run's folder.

        Raises:
            LmanetError: one of them cannot work as it is set, said before the first is run; or
                broke off.
        """
        stages = self.prepare()
        self.folder.path.mkdir(parents=True, exist_ok=True)
        require_room(self.folder.path)
        with owned(self.folder.path):
            self.folder.provenance.append(provenance(self.names))
            own_stages.look_at_images(self.names, self.data, self.folder)
            for name, stage in zip(self.names, stages, strict=True):
                log.info("stage %s", name)
                stage.run(self.folder)
            for listener in self.listeners:
                listener.on_run_end()

    def _check_settings(self) -> None:
        settings = {**plain(self.cfg), "stages": self.names}
        check_root(settings)
        if set(self.names) - {"compare"}:
            asks = {"search", "rules"} & set(self.names)
            check_groups(settings, optional=() if asks else ("propose",))

    def _check_order(self) -> None:
        """Say where a stage needs what no stage before it makes and the folder does not hold."""
        given = {"train": bool(self.cfg.arch), "evaluate": bool(self.cfg.checkpoint)}
        for place, name in enumerate(self.names):
            maker, files, what = NEEDS.get(name, ("", (), ""))
            there = any((self.folder.path / file).exists() for file in files)
            if maker and not (there or given.get(name) or maker in self.names[:place]):
                raise ConfigError(
                    f"stages={self.names}: there is no {what} ({', '.join(files)}) to {name} yet; "
                    f"run the stage {maker} first, in this run or with resume= of one that has it"
                )

    def _check_data(self) -> None:
        """Say which images are not there that a stage will read; none is opened."""
        wanted = {
            "fit": {*own_stages.STAGES_THAT_TRAIN} & {*self.names},
            "test": {"evaluate"} & {*self.names},
        }
        for part, stages in wanted.items():
            if stages and isinstance(self.data, CheckedData):
                self.data.require_part(part)

    def _check_space(self) -> None:
        kind = self.space.candidate_type  # loaded first: histories may hold such candidates
        if self.names == ["compare"]:
            return
        real = [name for name in self.names if name not in WITHOUT_NETWORKS]
        if real and not self.space.has_networks:
            raise ConfigError(
                f"stages={self.names}: {', '.join(real)} need networks, and the space "
                f"{self.space.name} has none: {kind.kind} {kind.instead}; keep "
                f"{', '.join(WITHOUT_NETWORKS)} (conf/config.yaml)"
            )
        known = self.space.quantities
        if unknown := sorted({*Cost.names()} & {*self.cfg.pareto.objectives} - {*known}):
            raise ConfigError(
                f"objective {', '.join(unknown)} is not known of {kind.kind}; take pareto=accuracy "
                "or pareto=accuracy_params"
            )

    def _search(self) -> Stage:
        shared = {key: plain(self.cfg[key]) for key in SHARED_SETTINGS} | {
            "mini": plain(self.cfg.train.mini)
        }
        trainer = make(self.cfg.train.mini, data=self.data)
        promotion = make(self.cfg.promote, brief=self.brief)
        own_stages.check_promotion(promotion, trainer)
        steps = Steps(
            proposer=make(self.cfg.propose, brief=self.brief),
            validator=make(
                self.cfg.validate,
                space=self.space,
                target=self.target,
                num_classes=self.data.num_classes,
            ),
            promotion=promotion,
            executor=make(self.cfg.execute, trainer=trainer),
            pareto=self.pareto,
            feedback=make(self.cfg.feedback, space=self.space),
            listeners=self.listeners,
        )
        budget = Budget(**plain(self.cfg.budget))

        def search(history: History) -> Search:
            return Search(steps, history, budget, self.cfg.seed, self.cfg.batch)

        # A table of trainings has no weights.
        inherit = getattr(trainer, "inherit", "none") == "parent"
        return SearchStage(steps, search, self.data, shared, self.folder, inherit)

    def _rules(self) -> Stage:
        from lmanet.propose import LearnRules

        return self._told(
            LearnRules(make(self.cfg.propose, brief=self.brief), self.cfg.budget.tokens),
            self.cfg.propose,
        )

    def _train(self) -> Stage:
        from lmanet.train import FullTraining

        stage = FullTraining(
            self.full_trainer, self.cfg.seed, self.cfg.train_best, self.architecture
        )
        return self._told(stage, self.cfg.train.full, self.cfg.data)

    def _teacher(self) -> Stage:
        from lmanet.distill import TeacherStage

        return TeacherStage(
            make(self.cfg.distill, data=self.data, seed=self.cfg.seed, folder=self.folder)
        )

    def _distill(self) -> Stage:
        stage = make(self.cfg.distill, data=self.data, seed=self.cfg.seed, folder=self.folder)
        return self._told(stage, self.cfg.distill, self.cfg.data)

    def _deploy(self) -> Stage:
        if not self.target.limits:
            raise ConfigError(
                f"target={self.cfg.target.name} is no board to deploy to; choose one in conf/target"
            )
        stage = make(self.cfg.deploy, data=self.data, seed=self.cfg.seed, target=self.target)
        return self._told(
            stage, {**plain(self.cfg.deploy), "network": None}, self.cfg.target, self.cfg.data
        )

    def _explain(self) -> Stage:
        stage = make(self.cfg.explain.examine, data=self.data, seed=self.cfg.seed)
        return self._told(stage, self.cfg.explain.examine, self.cfg.data)

    def _evaluate(self) -> Stage:
        from lmanet.deploy import load_deployed
        from lmanet.train import Evaluation

        architecture = self.architecture if self.cfg.checkpoint else None
        load_int8 = partial(load_deployed, toolchain=self.cfg.deploy.settings.toolchain)
        return self._told(
            Evaluation(self.full_trainer, self.cfg.checkpoint, architecture, load_int8),
            self.cfg.data,
        )

    def _release(self) -> Stage:
        stage: Stage = make(self.cfg.release, data=self.data)
        return stage

    def _report(self) -> Stage:
        from lmanet.explain import Setting

        setting = Setting(
            self.pareto,
            self.target,
            self.data.num_classes,
            self.space,
            images=self.data.description,
            budget=Budget(**plain(self.cfg.budget)),
        )
        stage: Stage = make(self.cfg.explain.report, setting=setting)
        return stage

    def _export(self) -> Stage:
        from lmanet.track import OptunaExport

        return OptunaExport(self.space, self.objectives, self.target.limits)

    _mend = staticmethod(Mending)

    def _compare(self) -> Stage:
        from lmanet.explain.compare import read_runs

        runs = read_runs(plain(self.cfg.runs))
        first = runs[0].folder
        return CompareStage(
            runs, Run(read_config(first / HYDRA / "config.yaml", folder=str(first))).pareto
        )

    def _told(self, stage: Any, *settings: Any) -> Stage:
        """A stage that knows by which settings it was made, so that what was done by others is done
        again.
        """
        stage.settings_id = settings_id([plain(each) for each in settings])
        result: Stage = stage
        return result

    @cached_property
    def listeners(self) -> list[Any]:
        return list(build(self.cfg.track).values())

    @cached_property
    def space(self) -> Any:
        return build(self.cfg.space)

    @cached_property
    def target(self) -> Any:
        return build(self.cfg.target)

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
        return own_stages.architecture(self.cfg.arch, self.folder) if self.cfg.arch else None

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
