"""A run: what each of its stages is built from, and the stages that were asked for, in their order."""

from functools import cached_property, partial
from pathlib import Path
from typing import Any

from rich.console import Console

from lmanet.app.compose import Config, build, make, plain, read_config
from lmanet.brief import Brief, Budget, Goal
from lmanet.errors import ConfigError
from lmanet.history import History, remember_settings
from lmanet.provenance import provenance
from lmanet.runfiles import PROVENANCE, append_record
from lmanet.search import Search, Steps
from lmanet.space import CellSpace, load_architecture

# What trials must share to be compared: a resumed search refuses a change in these.
SHARED_SETTINGS = ("space", "target", "data", "validate", "pareto", "seed")
ROOT_KEYS = {
    *("name", "folder", "seed", "stages", "budget", "batch", "train_best", "arch", "checkpoint", "resume", "runs"),
    *("space", "target", "data", "propose", "validate", "promote", "train", "execute", "pareto", "feedback"),
    *("distill", "deploy", "release", "explain", "track"),
}
STAGES_OF_CELLS = ("search", "rules", "export", "compare")  # the others need a network
LATENCY = "estimated_latency_ms"


class Run:
    """One run: its parts, each made when first asked for, and its stages."""

    def __init__(self, cfg: Config) -> None:
        _refuse_unknown("setting", map(str, cfg), ROOT_KEYS)
        self.cfg = cfg
        self.folder = Path(cfg.folder)
        self.stages = {
            name: getattr(self, name)
            for name in ("search", "rules", "train", "distill", "deploy", "explain", "evaluate", "release", "report", "export", "compare")
        }
        _refuse_unknown("stage", cfg.stages, set(self.stages))

    def start(self) -> None:
        """Run the stages asked for, in the order given.

        Raises:
            ConfigError: one of them needs what the space has not: said before the first is run.
        """
        self._check_space()
        self.folder.mkdir(parents=True, exist_ok=True)
        append_record(self.folder / PROVENANCE, provenance(self.cfg.stages))
        for name in self.cfg.stages:
            self.stages[name]()
        for listener in self.listeners:
            listener.on_run_end()

    def _check_space(self) -> None:
        if not isinstance(self.space, CellSpace):
            return
        if real := [name for name in self.cfg.stages if name not in STAGES_OF_CELLS]:
            raise ConfigError(
                f"stages={list(self.cfg.stages)}: {', '.join(real)} need networks, and the space {self.space.name} has cells that are only "
                f"looked up in their table; keep {', '.join(STAGES_OF_CELLS)} (conf/config.yaml)"
            )
        if unknown := sorted({"peak_sram_bytes", "flash_bytes", LATENCY} & set(self.cfg.pareto.objectives)):
            raise ConfigError(f"objective {', '.join(unknown)} is not known of a cell; take pareto=accuracy or pareto=accuracy_params")

    def search(self) -> None:
        shared = {key: self.cfg[key] for key in SHARED_SETTINGS} | {"mini": self.cfg.train.mini}
        self.data.setup("fit")  # data that are missing or broken are named now, not in every trial
        shared |= {"data_checksum": self.data.checksum()}
        remember_settings(self.folder, {key: plain(value) for key, value in shared.items()})
        budget = Budget(**plain(self.cfg.budget))
        history = History(self.folder)
        steps = Steps(
            proposer=make(self.cfg.propose, brief=self.brief),
            validator=make(self.cfg.validate, space=self.space, target=self.target, num_classes=self.data.num_classes),
            promotion=make(self.cfg.promote, brief=self.brief),
            executor=make(self.cfg.execute, trainer=make(self.cfg.train.mini, data=self.data)),
            pareto=self.pareto,
            feedback=make(self.cfg.feedback, space=self.space),
            listeners=self.listeners,
        )
        Search(steps, history, budget, self.cfg.seed, self.cfg.batch).run()

    def rules(self) -> None:
        from lmanet.propose import LearnRules

        LearnRules(make(self.cfg.propose, brief=self.brief), self.cfg.budget.tokens).run(self.folder)

    def train(self) -> None:
        from lmanet.train import FullTraining

        FullTraining(self.full_trainer, self.cfg.seed, self.cfg.train_best, self.architecture).run(self.folder)

    def distill(self) -> None:
        make(self.cfg.distill, data=self.data, seed=self.cfg.seed).run(self.folder)

    def deploy(self) -> None:
        if not self.target.limits:
            raise ConfigError(f"target={self.cfg.target.name} is no board to deploy to; choose one in conf/target")
        make(self.cfg.deploy, data=self.data, seed=self.cfg.seed, target=self.target).run(self.folder)

    def explain(self) -> None:
        make(self.cfg.explain.examine, data=self.data, seed=self.cfg.seed).run(self.folder)

    def evaluate(self) -> None:
        from lmanet.deploy import load_deployed
        from lmanet.train import Evaluation

        architecture = self.architecture if self.cfg.checkpoint else None
        load_int8 = partial(load_deployed, toolchain=self.cfg.deploy.settings.toolchain)
        Evaluation(self.full_trainer, self.cfg.checkpoint, architecture, load_int8).run(self.folder)

    def release(self) -> None:
        make(self.cfg.release, data=self.data).run(self.folder)

    def report(self) -> None:
        make(self.cfg.explain.report, pareto=self.pareto, target=self.target, num_classes=self.data.num_classes, space=self.space).run(
            self.folder
        )

    def export(self) -> None:
        from lmanet.track import OptunaExport

        OptunaExport(self.space, self.objectives, self.target.limits).run(self.folder)

    def compare(self) -> None:
        from lmanet.explain.compare import Comparison, read_runs

        runs = read_runs(plain(self.cfg.runs))
        own = read_config(runs[0].folder / ".hydra" / "config.yaml", folder=str(runs[0].folder))
        pareto = Run(own).pareto
        comparison = Comparison(runs, pareto)
        comparison.run(self.folder)
        Console().print(*comparison.sentences, sep="\n", markup=False, highlight=False, soft_wrap=True)

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
                f"objective {LATENCY} is known for target.runtime=c_static alone, not for {self.target.runtime}; "
                "choose that runtime, or objectives without it (conf/pareto)"
            )
        return make(self.cfg.pareto, limits=self.target.limits)

    @cached_property
    def full_trainer(self) -> Any:
        if self.cfg.train.full is None:
            raise ConfigError("train.full is null, so nothing can be trained or evaluated in full; take another option of conf/train")
        return make(self.cfg.train.full, data=self.data)

    @cached_property
    def architecture(self) -> Any:
        return load_architecture(self.cfg.arch) if self.cfg.arch else None

    @property
    def objectives(self) -> tuple[Goal, ...]:
        return tuple(Goal(name=name, maximise=spec.direction == "max") for name, spec in self.cfg.pareto.objectives.items())

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


def _refuse_unknown(what: str, given: Any, legal: set[str]) -> None:
    if unknown := sorted(set(given) - legal):
        raise ConfigError(f"unknown {what} {', '.join(unknown)}; legal are {', '.join(sorted(legal))} (conf/config.yaml)")
