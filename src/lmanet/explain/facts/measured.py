"""What was measured of int8 networks, beside what the formulas say of them: pure functions of a
run's records.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.cost import CStaticOptions, Platform, estimate
from lmanet.cost.tflm.arena import arena_of, tflm_arena
from lmanet.cost.tflm.layout import X86_64
from lmanet.cost.tflm.operators import tflite_operators
from lmanet.explain.facts.contents import RunFiles
from lmanet.network import Architecture
from lmanet.network.graph import operators
from lmanet.run.measurement import Measurement
from lmanet.run.records import Trial
from lmanet.run.results import BoardRun, Deployment, Evaluation
from lmanet.space import architecture_id, estimate_on, staged


class Formulas(NamedTuple):
    """What the memory models say of a network, in bytes.

    Attributes:
        c_static_bytes: arena of the generated C.
        host_head_bytes, host_tail_bytes: of TFLM with its portable kernels on a 64-bit machine, as
            the package tflite-micro runs it.
        tflm_bytes: whole arena of TFLM with CMSIS-NN on a Cortex-M.
        flash_bytes: constants of the generated C, without code.
        tflite_bytes: of the ``.tflite`` file, roughly.
        instructions: of one inference of the generated C, roughly.
    """

    c_static_bytes: int
    host_head_bytes: int
    host_tail_bytes: int
    tflm_bytes: int
    flash_bytes: int
    tflite_bytes: int
    instructions: int | None


class QuantityRow(NamedTuple):
    """A quantity of a deployed network; None where there is no formula for it, or nothing that
    measures it.

    Attributes:
        exact: whether the formula claims to be right to the byte.
    """

    words: str
    name: str
    formula: int | None
    measured: int | None
    exact: bool = False

    @property
    def verdict(self) -> str:
        """How the two agree, in words."""
        if self.formula is None or self.measured is None or not self.exact:
            return ""
        difference = self.measured - self.formula
        return f"differ by {difference:+,}" if difference else "equal"


class FrontRow(NamedTuple):
    """A network of the front: its formulas, and its measurement where there is one."""

    number: int
    id: str
    formulas: Formulas
    measurement: Measurement | None

    @property
    def memory(self) -> list[QuantityRow]:
        """The quantities whose formulas claim to be exact."""
        return memory_rows(self.formulas, self.measurement)

    @property
    def differences(self) -> list[str]:
        """What does not agree to the byte, in words."""
        return [
            f"{row.words}: {row.verdict}" for row in self.memory if row.verdict not in ("", "equal")
        ]


class DeployedNetwork(NamedTuple):
    """A network in int8.

    Attributes:
        place: among the deployed networks, from 1.
        quantities: formula against measured.
        float_test, int8_test: on the test images, where they were opened.
        boards: it on boards, the last of each that gave a figure.
        faults: what boards said since instead.
    """

    place: int
    id: str
    line: Deployment
    quantities: list[QuantityRow]
    float_test: Evaluation | None
    int8_test: Evaluation | None
    boards: list[BoardRun]
    faults: list[BoardRun]


def formulas(architecture: Architecture, num_classes: int, options: CStaticOptions) -> Formulas:
    """Both memory models of a network, whatever runtime its target has."""
    graph = operators(architecture, num_classes)
    cost = estimate_on(architecture, num_classes, Platform("c_static", options))
    host = arena_of(tflite_operators(graph), "reference", X86_64)
    return Formulas(
        c_static_bytes=cost.peak_sram_bytes,
        host_head_bytes=host.head_bytes,
        host_tail_bytes=host.tail_bytes,
        tflm_bytes=tflm_arena(graph).arena_bytes,
        flash_bytes=cost.flash_bytes,
        tflite_bytes=estimate(architecture, num_classes, "tflm").flash_bytes,
        instructions=cost.estimated_instructions,
    )


def memory_rows(given: Formulas, measured: Measurement | None) -> list[QuantityRow]:
    """The quantities whose formulas claim to be exact."""
    rows = (
        (
            "RAM of the generated C (`c_static`): its `.bss`",
            "measured_bss_bytes",
            given.c_static_bytes,
        ),
        ("TFLM on this machine: head", "measured_tflm_head_bytes", given.host_head_bytes),
        ("TFLM on this machine: tail", "measured_tflm_tail_bytes", given.host_tail_bytes),
    )
    return [
        QuantityRow(words, name, formula, getattr(measured, name) if measured else None, True)
        for words, name, formula in rows
    ]


def quantity_rows(given: Formulas, measured: Measurement) -> list[QuantityRow]:
    """Every quantity of a deployed network, formula against measured."""
    return [
        *memory_rows(given, measured),
        QuantityRow(
            "TFLM with CMSIS-NN on the microcontroller (`tflm`): head and tail",
            "peak_sram_bytes",
            given.tflm_bytes,
            None,
        ),
        QuantityRow(
            "flash of the generated C: constants by formula, the whole ELF measured",
            "measured_flash_bytes",
            given.flash_bytes,
            measured.measured_flash_bytes,
        ),
        QuantityRow(
            "size of the `.tflite` file, by formula roughly",
            "tflite_bytes",
            given.tflite_bytes,
            measured.tflite_bytes,
        ),
        QuantityRow(
            "stack of one inference", "measured_stack_bytes", None, measured.measured_stack_bytes
        ),
        QuantityRow(
            "instructions of one inference: estimated, emulated",
            "measured_instructions",
            given.instructions,
            measured.measured_instructions,
        ),
    ]


def tool(name: str, found: Measurement) -> str:
    """What gave a measured quantity."""
    if name in ("measured_bss_bytes", "measured_flash_bytes"):
        return f"{found.toolchain}, from the ELF"
    if name in ("measured_stack_bytes", "measured_instructions"):
        return f"{found.emulator}, an emulated {found.ran_on}"
    return "the file itself" if name == "tflite_bytes" else "TensorFlow Lite Micro"


def front_rows(run: RunFiles, num_classes: int, options: CStaticOptions) -> list[FrontRow]:
    """The front in its order, each network with its formulas and, where it was verified, its
    measurement.
    """
    known = {architecture_id(line.architecture): line.measurement for line in run.measured}
    return [
        FrontRow(
            trial.number,
            architecture_id(trial.architecture),
            formulas(staged(trial.architecture), num_classes, options),
            _measured(trial, known),
        )
        for trial in run.front.trials
        if trial.architecture
    ]


def agreement(rows: Sequence[FrontRow]) -> str:
    """One sentence: whether the memory models are right to the byte about every network that was
    measured; exceptions by name.
    """
    measured = [row for row in rows if row.measurement]
    wrong = [row for row in measured if row.differences]
    if not wrong:
        return f"Formulas and runtimes agree to the byte on {_all(len(measured))}."
    listed = "; ".join(f"#{row.number}: {', '.join(row.differences)}" for row in wrong)
    right = f"{len(measured) - len(wrong)} of {_networks(len(measured))}"
    return f"Formulas and runtimes agree to the byte on {right}. Exceptions: {listed}."


def deployed_networks(
    run: RunFiles, num_classes: int, options: CStaticOptions
) -> list[DeployedNetwork]:
    """Each with its formulas, and with its tests where there are any."""
    return [
        DeployedNetwork(
            place=place,
            id=architecture_id(line.architecture),
            line=line,
            quantities=quantity_rows(
                formulas(line.architecture, num_classes, options), line.deployed.measurement
            ),
            float_test=_test(run.tests, line.stage, line.checkpoint),
            int8_test=_test(run.tests, "deploy", line.deployed.folder),
            boards=on_boards(run.boards, line),
            faults=_faults(run.boards, line),
        )
        for place, line in enumerate(run.deployments, start=1)
    ]


def on_boards(runs: Sequence[BoardRun], line: Deployment) -> list[BoardRun]:
    """A deployed network on boards, the last figure of each."""
    last = {
        run.figures.board: run
        for run in runs
        if run.figures and run.deployed == line.deployed.folder
    }
    return list(last.values())


def _faults(runs: Sequence[BoardRun], line: Deployment) -> list[BoardRun]:
    """What was wrong with the last try, where it gave no figure."""
    last = [run for run in runs if run.deployed == line.deployed.folder][-1:]
    return [run for run in last if run.figures is None]


def _test(tests: Sequence[Evaluation], stage: str, checkpoint: str) -> Evaluation | None:
    found = (test for test in tests if (test.stage, test.checkpoint) == (stage, checkpoint))
    return next(found, None)


def _measured(trial: Trial, known: dict[str, Measurement]) -> Measurement | None:
    in_search = trial.verdict.measurement if trial.verdict else None
    return known.get(trial.id or "", in_search)


def _networks(count: int) -> str:
    return f"{count} network{'s' if count > 1 else ''}"


def _all(count: int) -> str:
    return f"all {_networks(count)}" if count > 1 else "the one network that was measured"
