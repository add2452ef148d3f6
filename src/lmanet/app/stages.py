"""A run: what each of its stages is built from, and the stages that were
asked for, in their order.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lmanet.app.beside import others, turns
from lmanet.app.compose import Config, compared_config, make, plain, resolved
from lmanet.app.lock import owned, require_room
from lmanet.app.needs import check_images, check_order, check_space
from lmanet.app.own_stages import (
    CompareStage,
    SearchStage,
    check_board,
    check_promotion,
    look_at_images,
    shown,
)
from lmanet.app.parts import ENGINE, Parts
from lmanet.app.settings import ROOT_KEYS, check_groups, check_root
from lmanet.base import settings_id
from lmanet.calls import Here
from lmanet.errors import ConfigError
from lmanet.execute import Remote
from lmanet.run import quantities
from lmanet.run.brief import Budget
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.mend import Mending
from lmanet.run.mirror import Guard, Mirror, mirrored
from lmanet.run.provenance import provenance
from lmanet.run.storage import Storage
from lmanet.search import Search, Steps
from lmanet.steps import Checked, Stage

__all__ = ["ROOT_KEYS", "SHARED_SETTINGS", "Run"]
log = logging.getLogger(__name__)
# What trials must share to be compared: a resumed search refuses a change in these.
SHARED_SETTINGS = ("space", "target", "data", "validate", "pareto", "seed")


class Run(Parts):
    """One run: what each of its stages is built from, and their order.

    Args:
        typed: settings that were typed on this machine; those of other runs are held against them.
    """

    def __init__(self, cfg: Config, typed: Sequence[str] = ()) -> None:
        super().__init__(cfg, RunFolder(cfg.folder))
        self.typed = typed
        self.names = [cfg.stages] if isinstance(cfg.stages, str) else list(cfg.stages)
        self._prepared: list[Stage] | None = None

    def prepare(self) -> list[Stage]:
        """Check every setting, build what the stages asked for need, and let each say what it
        lacks.

        Raises:
            LmanetError: one of them cannot work as it is set, or needs what is not there.
        """
        if self._prepared is None:
            self.check_settings()
            check_space(self.names, self.space, self.cfg.pareto.objectives)
            stages = [self.made(name) for name in self.names]
            # the engine only where a stage has asked for it
            for part in (*stages, *self.listeners, vars(self).get(ENGINE)):
                if isinstance(part, Checked):
                    part.require()
            check_images(self.names, self.data)
            given = {"train": bool(self.cfg.arch), "evaluate": bool(self.cfg.checkpoint)}
            check_order(self.names, given, self.folder.path)
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
        with owned(self.folder.path), mirrored(self.folder.path, self.cfg.storage) as mirror:
            if mirror:
                self.listeners.append(Guard(mirror))
            self.folder.provenance.append(provenance(self.names))
            look_at_images(self.names, self.data, self.folder)
            self._run(stages, mirror)
            for listener in self.listeners:
                listener.on_run_end()

    def _run(self, stages: Sequence[Stage], mirror: Mirror | None) -> None:
        """Run the stages in their turns."""
        places = turns(self.names, self.cfg.get("beside", ()))
        named = [[self.names[each] for each in turn] for turn in places]
        with shown(self.listeners, named) as begin, others(self.task) as other:
            for (first, *_), turn in zip(places, named, strict=True):
                begin()
                log.info("stage %s", ", ".join(turn))
                with other.beside(turn):
                    stages[first].run(self.folder)
                if mirror:
                    mirror.try_push()

    def task(self, name: str) -> Callable[[], None]:
        """What another process calls to run one stage of this run."""
        return partial(
            _run_alone, resolved(self.cfg, {"stages": [name], "beside": []}), list(self.typed), name
        )

    def check_settings(self) -> None:
        """Raises `ConfigError` where a setting is unknown or not legal; builds nothing."""
        settings = {**plain(self.cfg), "stages": self.names}
        check_root(settings)
        if self.cfg.storage:
            Storage(self.cfg.storage)
        if set(self.names) - {"compare"}:
            asks = {"search", "rules"} & set(self.names)
            check_groups(settings, optional=() if asks else ("propose",))

    def made(self, name: str) -> Stage:
        """A stage, as it is set."""
        stage: Stage = getattr(self, f"_{name}")()
        return stage

    def _search(self) -> Stage:
        from lmanet.propose import begun_at_random

        shared = {key: plain(self.cfg[key]) for key in SHARED_SETTINGS} | {
            "mini": plain(self.cfg.train.mini)
        }
        trainer = make(self.cfg.train.mini, data=self.data)
        promotion = make(self.cfg.promote, brief=self.brief)
        check_promotion(promotion, trainer)
        steps = Steps(
            proposer=begun_at_random(
                make(self.cfg.propose, brief=self.brief), self.brief, self.cfg.random_start
            ),
            validator=make(
                self.cfg.validate,
                space=self.space,
                target=self.target,
                num_classes=self.data.num_classes,
            ),
            promotion=promotion,
            executor=self._executor(trainer),
            pareto=self.pareto,
            feedback=make(self.cfg.feedback, space=self.space),
            listeners=self.listeners,
        )
        check_board(steps.validator, self.cfg.pareto.objectives)
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

        rank_by = quantities.ranking_quantity(self.cfg.pareto.objectives)
        chosen = self.cfg.train_best, self.architecture
        stage = FullTraining(self.full_trainer, self.cfg.seed, *chosen, rank_by)
        stage.engine = self.engine or Here()
        return self._told(stage, self.cfg.train.full, self.cfg.data)

    def _teacher(self) -> Stage:
        from lmanet.distill import TeacherStage

        return TeacherStage(self._distillation())

    def _distill(self) -> Stage:
        return self._told(self._distillation(), self.cfg.distill, self.cfg.data)

    def _distillation(self) -> Any:
        parts = {"data": self.data, "seed": self.cfg.seed, "folder": self.folder}
        return make(self.cfg.distill, engine=self.engine, **parts)

    def _deploy(self) -> Stage:
        if not self.target.limits:
            raise ConfigError(
                f"target={self.cfg.target.name} is no board to deploy to; choose one in conf/target"
            )
        stage = make(self.cfg.deploy, data=self.data, seed=self.cfg.seed, target=self.target)
        return self._told(
            stage, {**plain(self.cfg.deploy), "network": None}, self.cfg.target, self.cfg.data
        )

    def _measure(self) -> Stage:
        stage: Stage = make(self.cfg.measure, data=self.data, target=self.target)
        return stage

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
        config = compared_config(runs[0].folder, self.typed)
        return CompareStage(runs, Run(config).pareto)

    def _told(self, stage: Any, *settings: Any) -> Stage:
        """A stage that knows by which settings it was made, so that what was done by others is done
        again.
        """
        stage.settings_id = settings_id([plain(each) for each in settings])
        result: Stage = stage
        return result

    def _executor(self, trainer: Any) -> Any:
        return (
            Remote(trainer, self.engine) if self.engine else make(self.cfg.execute, trainer=trainer)
        )


def _run_alone(cfg: Config, typed: Sequence[str], name: str) -> None:
    run = Run(cfg, typed)
    run.made(name).run(run.folder)
