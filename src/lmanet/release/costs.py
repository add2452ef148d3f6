"""What a released network costs, each figure with its origin."""

import re
from typing import NamedTuple

from lmanet.cost import Cost, estimate
from lmanet.release.released import Released
from lmanet.run.measurement import BoardMeasurement
from lmanet.run.results import Deployed

# What is in no name of a tool, a core or a runtime.
NO_WORD = re.compile(r"[^\w.+ -]")


class CostRow(NamedTuple):
    """One quantity, its value in words, and where that comes from."""

    name: str
    value: str
    origin: str


def cost_rows(released: Released, num_classes: int) -> list[CostRow]:
    """By formula, and where it was deployed as measured."""
    if released.deployment is None:
        return _by_formula(estimate(released.trained.architecture, num_classes))
    deployed = released.deployment.deployed
    boards = list(map(_on_board, released.boards))
    return [*_by_formula(deployed.cost), *_measured(deployed), *boards]


def _by_formula(cost: Cost) -> list[CostRow]:
    return [
        CostRow("macs", f"{cost.macs:,}", "formula, one image"),
        CostRow("params", f"{cost.params:,}", "formula, batch norm included"),
        CostRow(
            "peak_sram_bytes",
            f"{cost.peak_sram_bytes:,}",
            f"formula, int8, of the runtime `{_word(cost.runtime)}`",
        ),
        CostRow(
            "flash_bytes",
            f"{cost.flash_bytes:,}",
            f"formula, int8, constants alone, of the runtime `{_word(cost.runtime)}`",
        ),
        *(CostRow(name, f"{value:,}", "formula") for name, value in cost.added.items()),
    ]


def _measured(deployed: Deployed) -> list[CostRow]:
    found = deployed.measurement
    elf, core = (
        f"measured: ELF of the generated C, by {_word(found.toolchain)}",
        f"measured: {_word(found.ran_on)}, emulated by {_word(found.emulator)}",
    )
    tflm = (
        "measured: TensorFlow Lite Micro with portable kernels on a 64-bit machine; less on a "
        "microcontroller"
    )
    low, high = deployed.estimated_latency_ms
    cycles = deployed.measured_cycles
    how = (
        f"an estimate: cycles of {len(cycles.networks)} other networks on {_word(cycles.board)}"
        if cycles
        else f"a range, not a measurement: the instructions on a {_word(found.core)}"
    )
    return [
        CostRow(
            "measured_bss_bytes", f"{found.measured_bss_bytes:,}", f"{elf}; the network's memory"
        ),
        CostRow(
            "measured_flash_bytes", f"{found.measured_flash_bytes:,}", f"{elf}; code and constants"
        ),
        CostRow("measured_stack_bytes", f"{found.measured_stack_bytes:,}", core),
        CostRow("measured_instructions", f"{found.measured_instructions:,}", f"{core}; one image"),
        *(
            [CostRow("measured_tflm_arena_bytes", f"{arena:,}", tflm)]
            if (arena := found.measured_tflm_arena_bytes) is not None
            else []
        ),
        CostRow("tflite_bytes", f"{found.tflite_bytes:,}", "size of `model_int8.tflite`"),
        CostRow(
            "estimated_latency_ms",
            f"{low:.3g} to {high:.3g}",
            f"{how} at {deployed.clock_mhz} MHz{'' if cycles else '; no board was used'}",
        ),
    ]


def _on_board(figures: BoardMeasurement) -> CostRow:
    low, high = figures.spread_ms
    how = "emulated, so no board's time" if figures.emulated else "measured"
    return CostRow(
        "measured_latency_ms",
        f"{figures.measured_latency_ms:.3g}",
        f"{how}: {_word(figures.board)} at {figures.core_mhz:g} MHz, median of "
        f"{len(figures.cycles)} runs from {low:.3g} to {high:.3g}",
    )


def _word(name: str) -> str:
    """A name in a record, which is anyone's text, without what could be markup."""
    return NO_WORD.sub("?", name)
