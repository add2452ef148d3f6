"""Entry point: composes the configuration, builds the steps and runs the stages asked for. The only file that imports hydra.

python run.py +experiment=quickstart
python run.py resume=multirun/quickstart/2026-01-31_12-00-00
"""

import os
import sys
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from lmanet.brief import Brief, Budget, Goal
from lmanet.errors import ConfigError, LmanetError
from lmanet.history import History, remember_settings
from lmanet.provenance import provenance
from lmanet.resume import resumed
from lmanet.runfiles import HISTORY, PROVENANCE, append_record
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
FILES = {
    HISTORY: "every trial",
    "front.json": "the networks that no other beats",
    "student.ckpt": "the best network: lmanet.load_network(path)",
    "deploy": "the best network in int8: .tflite, C, firmware",
    "test.jsonl": "accuracy on the test images",
    "release": "networks for timm, Hugging Face, ONNX and the board",
    "report.html": "the report, in one file for a browser",
    "report.md": "the same for a terminal, plots beside it",
    "comparison/compare.html": "which searcher is better, in one file; compare.md and compare.csv beside it",
}


class Run:
    """One run: its parts, each made when first asked for, and its stages."""

    def __init__(self, cfg: DictConfig) -> None:
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
        remember_settings(self.folder, {key: _plain(value) for key, value in shared.items()})
        budget = Budget(**_plain(self.cfg.budget))
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

        runs = read_runs(_plain(self.cfg.runs))
        own = OmegaConf.load(runs[0].folder / ".hydra" / "config.yaml")
        pareto = Run(OmegaConf.merge(own, {"folder": str(runs[0].folder)})).pareto
        comparison = Comparison(runs, pareto)
        comparison.run(self.folder)
        Console().print(*comparison.sentences, sep="\n", markup=False, highlight=False, soft_wrap=True)

    @cached_property
    def listeners(self) -> list[Any]:
        return list(instantiate(self.cfg.track).values())

    @cached_property
    def space(self) -> Any:
        return instantiate(self.cfg.space)

    @cached_property
    def target(self) -> Any:
        return instantiate(self.cfg.target)

    @cached_property
    def data(self) -> Any:
        return instantiate(self.cfg.data)

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


def make(config: DictConfig, **parts: Any) -> Any:
    """Build what a group of ``conf/`` describes, with parts that other groups made.

    Raises:
        ConfigError: a key that its constructor does not know.
    """
    # Not as keywords of `instantiate`: it would turn a dataclass into a configuration.
    factory = instantiate(config, _partial_=True)
    try:
        return factory(**parts)
    except TypeError as error:
        raise ConfigError(f"{config._target_} does not take these settings: {error} (conf/)") from error


def summarise(folder: Path) -> None:
    """Print where each file of the run is and what can be done next."""
    shown = Path(os.path.relpath(folder))
    table = Table(show_header=False, box=None)
    for name, meaning in FILES.items():
        if (folder / name).exists():
            table.add_row(str(shown / name), meaning)
    console = Console()
    console.print(table)
    if (folder / HISTORY).exists():
        console.print(
            f"Next: python run.py resume={shown} budget.proposals=... goes on searching; README.md says what else", soft_wrap=True
        )


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Run one job; what goes wrong ends in one sentence."""
    folder = Path(cfg.folder)
    try:
        Run(cfg).start()
        summarise(folder)
    except InstantiationException as error:  # Hydra wraps what a constructor raised
        cause = error.__cause__
        _end(cause if isinstance(cause, LmanetError) else ConfigError(" ".join(f"{error} {cause or ''}".split())), folder)
    except LmanetError as error:
        _end(error, folder)


def _end(error: BaseException | None, folder: Path) -> None:
    print(f"error: {error}", file=sys.stderr)
    if (folder / HISTORY).exists():
        print(f"nothing is lost; go on with: python run.py resume={folder}", file=sys.stderr)
    raise SystemExit(1)


def _refuse_unknown(what: str, given: Any, legal: set[str]) -> None:
    if unknown := sorted(set(given) - legal):
        raise ConfigError(f"unknown {what} {', '.join(unknown)}; legal are {', '.join(sorted(legal))} (conf/config.yaml)")


def _plain(config: Any) -> Any:
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


if __name__ == "__main__":
    try:
        sys.argv[1:] = resumed(sys.argv[1:])
    except LmanetError as error:
        sys.exit(f"error: {error}")
    main()
