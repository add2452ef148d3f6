"""What the stages after a search have left -> tables, curves and artifacts of a W&B run."""

from collections.abc import Iterator, Sequence
from typing import Any

from lmanet.claims.check import Others, check_claims
from lmanet.claims.rates import rates
from lmanet.run.folder import (
    DEPLOYED,
    EXAMINED,
    FRONT,
    HISTORY,
    PLOTS,
    PROVENANCE,
    RELEASED,
    REPORT_HTML,
    REPORT_MD,
    RULES,
    STUDENT,
    RunFolder,
)
from lmanet.run.quantities import ACCURACY, FLASH, MACS, PARAMS, SRAM, Quantity, computed
from lmanet.run.records import Trial
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id

# Kind of artifact -> files and folders of a run that it holds, where they are there.
ARTIFACTS = {
    "search": (HISTORY, FRONT, PROVENANCE),
    "model": (STUDENT, RELEASED, DEPLOYED),
    "report": (REPORT_HTML, REPORT_MD, PLOTS, EXAMINED, RULES),
}


class Results:
    """Sends a run's results.

    Args:
        folder: of the run.
        identity: of the run at W&B, which its artifacts bear.
        library: the package wandb.
        run: of W&B, which is open.
    """

    def __init__(self, folder: RunFolder, identity: str, library: Any, run: Any) -> None:
        self.folder, self.identity, self.library, self.run = folder, identity, library, run

    def front(self, front: Sequence[Trial], hypervolume: float) -> None:
        """The front as table and plot, at its newest trial."""
        heads = [ACCURACY.title, *map(_head, _costs()), "trial", "network"]
        table = self.library.Table(columns=heads, data=[_row(trial) for trial in front])
        plot = self.library.plot.scatter(table, MACS.title, ACCURACY.title, title="Pareto front")
        newest = max(trial.number for trial in front)
        self.run.log(
            {
                "trial": newest,
                "front": table,
                "front_plot": plot,
                "hypervolume": hypervolume,
                "front_size": len(front),
            }
        )

    def send(self) -> None:
        """Everything that the stages have left; the front again, since the search may not have been
        followed.
        """
        if (found := self.folder.front.read()) and found.trials:
            self.front(found.trials, found.hypervolume)
        for name, (columns, rows) in self._tables():
            if rows:
                self.run.log({name: self.library.Table(columns=columns, data=rows)})
        for group, network in self._groups().items():
            self._curve(group, network)
        self.artifact("model")
        self.artifact("report")

    @property
    def curves(self) -> list[str]:
        """The groups of metrics that hold a training's curve: ``distill/<network>-<seed>``."""
        return list(self._groups())

    def _groups(self) -> dict[str, TrainedNetwork]:
        return {
            f"{network.stage}/{architecture_id(network.architecture)}-{network.seed}": network
            for network in self.folder.trained()
        }

    def _curve(self, group: str, network: TrainedNetwork) -> None:
        self.run.define_metric(f"{group}/*", step_metric=f"{group}/epoch")
        for epoch in network.score.curve:
            self.run.log({f"{group}/{name}": value for name, value in epoch.model_dump().items()})

    def _tables(self) -> Iterator[tuple[str, tuple[list[str], list[list[Any]]]]]:
        yield "results", self._results()
        yield "deployments", self._deployments()
        trials = self.folder.trials()
        others = Others(trials)
        columns = ["model", "claim", "true", "false", "cannot be told", "rate", "chance"]
        yield (
            "claim_rates",
            (
                columns,
                [
                    [r.proposer, r.kind, r.true, r.false, r.unknown, r.rate, r.chance]
                    for r in rates(trials)
                ],
            ),
        )
        claims = [
            [t.number, t.id, c.words, c.truth.value, c.reason]
            for t in trials
            for c in check_claims(t, others)
        ]
        yield "claims", (["trial", "network", "claim", "truth", "reason"], claims)
        if said := self.folder.rules.read():
            yield (
                "design_rules",
                (
                    ["choice", "value", "effect"],
                    [[rule.choice, str(rule.value), rule.effect] for rule in said.rules],
                ),
            )

    def _results(self) -> tuple[list[str], list[list[Any]]]:
        """Every network trained to the end, on validation images, then what was tested."""
        rows: list[list[Any]] = [
            [
                n.stage,
                architecture_id(n.architecture),
                "validation",
                n.score.val_accuracy,
                len(n.score.curve),
                n.teacher,
            ]
            for n in self.folder.trained()
        ]
        for line in self.folder.deployments.read():
            rows.append(
                [
                    "deploy",
                    architecture_id(line.architecture),
                    "validation",
                    line.int8_val_accuracy,
                    line.qat_epochs,
                    None,
                ]
            )
        for test in self.folder.tests.read():
            rows.append(
                [
                    test.stage,
                    architecture_id(test.architecture),
                    "test",
                    test.test_accuracy,
                    None,
                    None,
                ]
            )
        return ["stage", "network", "images", "accuracy", "epochs", "teacher"], rows

    def _deployments(self) -> tuple[list[str], list[list[Any]]]:
        """What was measured of each deployed network, with the tools."""
        columns = [
            "network",
            "float accuracy",
            "int8 accuracy",
            "bss (bytes)",
            "flash (bytes)",
            "stack (bytes)",
            "instructions",
        ]
        rows = []
        for line in self.folder.deployments.read():
            found = line.deployed.measurement
            measured = [
                found.measured_bss_bytes,
                found.measured_flash_bytes,
                found.measured_stack_bytes,
                found.measured_instructions,
            ]
            latency = list(line.deployed.estimated_latency_ms)
            accuracies = [line.float_val_accuracy, line.int8_val_accuracy]
            rows.append(
                [
                    architecture_id(line.architecture),
                    *accuracies,
                    *measured,
                    *latency,
                    found.toolchain,
                    found.emulator,
                ]
            )
        return [*columns, "latency from (ms), estimated", "to (ms)", "toolchain", "emulator"], rows

    def artifact(self, kind: str) -> None:
        """Those of its files that are there, under one name; none where there are none."""
        present = [path for name in ARTIFACTS[kind] if (path := self.folder.path / name).exists()]
        if not present:
            return
        artifact = self.library.Artifact(f"{kind}-{self.identity}", type=kind)
        for path in present:
            if path.is_dir():
                artifact.add_dir(str(path), name=path.name)
            else:
                artifact.add_file(str(path))
        self.run.log_artifact(artifact)


def _costs() -> list[Quantity]:
    """Of a network of the front."""
    return [MACS, SRAM, FLASH, PARAMS, *computed()]


def _head(cost: Quantity) -> str:
    """Of a column of raw values."""
    return f"{cost.title} (bytes)" if cost.name.endswith("_bytes") else cost.title


def _row(trial: Trial) -> list[float | str | None]:
    if not (trial.verdict and trial.verdict.cost and trial.score):
        return [None] * (len(_costs()) + 3)
    costs = (each.of(trial.verdict.cost) for each in _costs())
    return [trial.score.val_accuracy, *costs, trial.number, trial.id]
