"""Report: a run's folder -> ``report.md`` with plots beside it."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmanet.explain import ledger, measured, tables
from lmanet.explain.contents import Board, RunFiles, read_run
from lmanet.explain.filters import FILTERS
from lmanet.explain.importance import SEEDS, importances
from lmanet.records import Trial
from lmanet.results import Deployment
from lmanet.space import AnySpace, architecture_id, estimate_on, operators, staged
from lmanet.space.memory import memory
from lmanet.steps import Pareto

STAGE_WORDS = {"search": "mini-training", "full": "full training", "distill": "distillation", "deploy": "int8, as deployed"}
RUNTIME_WORDS = {
    "c_static": "our generated C",
    "tflm": "TensorFlow Lite Micro with CMSIS-NN on a 32-bit target",
    "plain": "the tensors alone, which no runtime can do without",
}


class Report:
    """Writes what a run has found, for people; it can be run again at any time.

    Args:
        pareto: of the run, for the hypervolume over time.
        target: of the run.
        num_classes: of the run's images.
        space: of the run, for what the accuracy depends on.
    """

    def __init__(self, pareto: Pareto, target: Board, num_classes: int, space: AnySpace) -> None:
        self.pareto = pareto
        self.target = target
        self.num_classes = num_classes
        self.space = space

    def run(self, folder: Path) -> None:
        """Read the files of ``folder`` and write ``report.md`` and ``plots/`` into it.

        Raises:
            ConfigError: the search was of cells, whose operators are not known here.
        """
        run = read_run(folder)
        for trial in run.trials:
            if trial.architecture:
                staged(trial.architecture)
        plots = self._draw(run, folder / "plots")
        partial = folder / "report.md.partial"
        partial.write_text(self._render(run, plots), encoding="utf-8")
        partial.replace(folder / "report.md")

    def _render(self, run: RunFiles, plots: set[str]) -> str:
        environment = Environment(
            loader=PackageLoader("lmanet.explain"), autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters |= FILTERS
        compared = measured.front_rows(run, self.num_classes, self.target.platform.c_options)
        return environment.get_template("report.md").render(
            run=run,
            plots=plots,
            target=self.target,
            runtime=self.target.platform.runtime,
            runtime_words=RUNTIME_WORDS[self.target.platform.runtime],
            stage_words=STAGE_WORDS,
            identity=architecture_id,
            results=tables.result_rows(run),
            reasons=tables.reasons(run.trials),
            ledger=ledger.by_status(run.trials),
            roles=ledger.by_role(run.trials),
            stalls=ledger.answers_to_stalls(run.trials),
            proposers=tables.proposers(run.trials),
            versions=tables.versions(run.trials),
            importances=importances(run.trials, self.space),
            importance_seeds=SEEDS,
            command=shlex.join(["python", "run.py", *run.overrides]),
            board=[self._on_board(deployment, run, place) for place, deployment in enumerate(run.deployments)],
            compared=compared,
            agreement=measured.agreement(compared),
            **self._best(run),
        )

    def _best(self, run: RunFiles) -> dict[str, Any]:
        """What the template says of the best network."""
        best = run.best
        if best is None or best.architecture is None:
            return {"best": None}
        architecture = staged(best.architecture)
        cost = estimate_on(architecture, self.num_classes, self.target.platform)
        return {
            "best": best,
            "best_id": architecture_id(architecture),
            "best_stage": "search" if isinstance(best, Trial) else best.stage,
            "cost": cost,
            "limits": tables.limit_rows(cost, self.target.limits),
            "parts": tables.part_rows(architecture, self.num_classes, self.target.platform),
        }

    def _on_board(self, deployment: Deployment, run: RunFiles, place: int) -> dict[str, Any]:
        """What the template says of a deployed network."""
        formulas = measured.formulas(deployment.architecture, self.num_classes, self.target.platform.c_options)
        return {
            "id": architecture_id(deployment.architecture),
            "deployment": deployment,
            "folder": deployment.deployed.folder,
            "plot": _kernels_name(place),
            "quantities": measured.quantity_rows(formulas, deployment.deployed.measurement),
            "test": measured.int8_test(deployment, run.tests),
        }

    def _draw(self, run: RunFiles, folder: Path) -> set[str]:
        """Write the plots for which there is something to show; gives their names."""
        from lmanet.explain import plots  # matplotlib takes a second to import

        limits = self.target.limits
        architecture = run.best.architecture if run.best else None
        drawings: dict[str, Callable[[], Any]] = {}
        if run.trials:
            drawings["proposals"] = lambda: plots.proposals_plot(run.trials, limits)
            drawings["statuses"] = lambda: plots.statuses_plot(run.trials)
        if run.front.trials:
            drawings["front"] = lambda: plots.front_plot(run.trials, run.front.trials, limits)
            drawings["progress"] = lambda: plots.progress_plot(run.trials, self.pareto)
        if any(row.epochs for row in tables.result_rows(run)):
            drawings["curves"] = lambda: plots.curves_plot(run)
        if architecture:
            graph = operators(staged(architecture), self.num_classes)
            sram = memory(graph, self.target.platform.runtime, self.target.platform.c_options)
            drawings["network"] = lambda: plots.network_plot(graph, self.target.platform.runtime, sram, limits)
        for place, deployment in enumerate(run.deployments):
            drawings[_kernels_name(place)] = partial(plots.kernels_plot, deployment.deployed)
        folder.mkdir(exist_ok=True)
        for name, draw in drawings.items():
            plots.save(draw(), folder / f"{name}.png")
        return set(drawings)


def _kernels_name(place: int) -> str:
    """Of the plot of a deployed network."""
    return f"kernels_{place + 1}"
