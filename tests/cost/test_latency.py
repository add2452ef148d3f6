"""The range of latencies against every published measurement that it can be held against."""

import csv
import math
from math import inf

import pytest

from lmanet.board.cores import core_named, cores
from lmanet.cost.latency import latency_ms
from lmanet.errors import ConfigError

# Network of `qemu_reference.csv`, and the published milliseconds of TFLM with CMSIS-NN on an
# STM32H743.
H743_MS = {"mcunet_vww1(TinyEngine assets/vww.tflite)": 97, "mbv2_w0.35_r64_mcunet(rebuilt)": 43}
SAME_VERSION = (
    "2023.05",
    "HALE 1.0",
    "X-CUBE-AI 7.1.0",
    "X-CUBE-AI 7.3.0",
    "X-CUBE-AI 8.1.0",
    "X-CUBE-AI 9.0.0",
)
M7, M4 = "NUCLEO-H7A3ZI-Q", "NUCLEO-L4R5ZI"


@pytest.fixture(scope="module")
def reference(lmanet_data):
    def rows(name):
        return list(
            csv.DictReader(
                (lmanet_data / "reference" / name).read_text(encoding="utf-8").splitlines()
            )
        )

    return rows


def test_the_two_measured_networks_lie_inside(reference):
    counted = {
        row["model"]: int(row["insn_tflm_cmsisnn"] or 0) for row in reference("qemu_reference.csv")
    }
    for model, published_ms in H743_MS.items():
        estimate = latency_ms(counted[model], "cortex-m7", 480, "tflm")
        assert estimate.lowest < published_ms < estimate.highest
        assert math.sqrt(estimate.lowest * estimate.highest) == pytest.approx(
            published_ms, rel=0.03
        )


def test_an_m4_is_slower_than_an_m7_by_what_boards_show(reference):
    rows = [
        row
        for row in reference("stm32_benchmarks.csv")
        if row["runtime_version"] in SAME_VERSION and "float" not in row["notes"]
    ]
    cycles = {
        (row["runtime_version"], row["model"], row["board"]): float(row["latency_ms"])
        * int(row["freq_MHz"])
        for row in rows
    }
    ratios = [
        cycles[version, model, M4] / cycles[version, model, M7]
        for version, model, board in cycles
        if board == M7 and (version, model, M4) in cycles
    ]
    assert len(ratios) == 12
    (low_m7, high_m7), (low_m4, high_m4) = (
        core_named(core).cycles.c_static for core in ("cortex-m7", "cortex-m4")
    )
    assert low_m4 == max(1, round(low_m7 * min(ratios), 2))
    assert high_m4 == pytest.approx(high_m7 * max(ratios), abs=0.01)


def test_milliseconds_follow_instructions_and_clock():
    # 480 million instructions at 480 MHz: a second times cycles an instruction.
    assert latency_ms(480_000_000, "cortex-m7", 480) == (650, 1450)
    assert latency_ms(48_000_000, "cortex-m7", 240) == (130, 290)
    for core in cores().values():
        for _, (low, high) in core.cycles:
            assert 0.5 < low < high < inf


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with pytest.raises(
        ConfigError, match="runtime=plain on core=cortex-m7; legal are tflm, c_static"
    ):
        latency_ms(1, "cortex-m7", 480, "plain")
