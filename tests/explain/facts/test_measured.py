"""Formulas against what the true runtimes said of two networks, and what the report makes of a
difference.
"""

from dataclasses import replace

import pytest

from lmanet.cost import CStaticOptions, estimate
from lmanet.explain.facts.contents import read_run
from lmanet.explain.facts.measured import (
    FrontRow,
    agreement,
    deployed_networks,
    formulas,
    front_rows,
    quantity_rows,
    tool,
)
from lmanet.network import Architecture
from lmanet.run.folder import RunFolder
from lmanet.run.measurement import Measurement

# The smallest there is: 3 x 16 x 16 -> depthwise 3 x 8 x 8 -> 8 x 8 x 8 -> 10 classes.
SMALL = Architecture.model_validate(
    {
        "resolution": 16,
        "padding": "same",
        "stages": (
            {
                "block": "depthwise",
                "channels": 8,
                "kernel": 3,
                "stride": 2,
                "expansion": 1,
                "se_ratio": 0.0,
                "skip": False,
                "activation": "relu6",
                "layers": 1,
            },
        ),
    }
)
# Of TFLM's wheel, and of an ELF by zig on unicorn.
MEASURED = Measurement(
    toolchain="zig",
    emulator="unicorn",
    core="cortex-m7",
    images=1,
    tflite_bytes=2576,
    measured_tflm_head_bytes=960,
    measured_tflm_tail_bytes=1760,
    measured_bss_bytes=960,
    measured_flash_bytes=8520,
    measured_stack_bytes=356,
    measured_instructions=29770,
    kernel_instructions={"rows": 16798, "conv": 11479, "mean": 1493},
    seconds=0.4,
)


@pytest.fixture
def small():
    return formulas(SMALL, 10, CStaticOptions())


def row(number: int, given, **other) -> FrontRow:
    return FrontRow(number, "aaaa", given, MEASURED.model_copy(update=other))


def test_formulas_of_a_small_network_by_hand(small):
    # input and depthwise output are alive together
    assert small.host_head_bytes == 3 * 16 * 16 + 3 * 8 * 8
    # pointers of 4 bytes, and no scratch at 3x3
    assert small.tflm_bytes < small.host_head_bytes + small.host_tail_bytes


def test_flash_is_that_of_each_runtime_whatever_the_target_has(small):
    assert small.flash_bytes == estimate(SMALL, 10, "c_static").flash_bytes
    assert small.tflite_bytes == estimate(SMALL, 10, "tflm").flash_bytes > small.flash_bytes


def test_only_what_claims_to_be_exact_is_judged(small):
    rows = {row.name: row for row in quantity_rows(small, MEASURED)}
    assert [row.name for row in rows.values() if row.verdict == "equal"] == [
        "measured_bss_bytes",
        "measured_tflm_head_bytes",
        "measured_tflm_tail_bytes",
    ]
    assert (rows["measured_flash_bytes"].formula, rows["measured_flash_bytes"].measured) == (
        small.flash_bytes,
        8520,
    )
    assert 0.5 < rows["measured_instructions"].formula / rows["measured_instructions"].measured < 2
    assert (
        rows["measured_instructions"].verdict
        == rows["measured_flash_bytes"].verdict
        == rows["measured_stack_bytes"].verdict
        == ""
    )
    assert (rows["peak_sram_bytes"].formula, rows["peak_sram_bytes"].measured) == (
        small.tflm_bytes,
        None,
    )


def test_an_exception_is_listed_by_name(small):
    assert (
        agreement([row(4, small), row(8, small)])
        == "Formulas and runtimes agree to the byte on all 2 networks."
    )
    text = agreement(
        [row(4, small), row(8, small, measured_tflm_head_bytes=976, measured_bss_bytes=944)]
    )
    assert text.startswith(
        "Formulas and runtimes agree to the byte on 1 of 2 networks. Exceptions: #8: "
    )
    assert "`.bss`: differ by -16" in text and "head: differ by +16" in text


def test_options_of_the_generated_c_are_in_its_formula():
    block = SMALL.stages[0].model_copy(update={"block": "mbconv", "expansion": 4})
    wide = SMALL.model_copy(update={"stages": (block,)})
    fused, not_fused = (formulas(wide, 10, CStaticOptions(fuse=fuse)) for fuse in (True, False))
    # the expanded tensor whole
    assert fused.c_static_bytes < 12 * 16 * 16 < not_fused.c_static_bytes
    assert fused.host_head_bytes == not_fused.host_head_bytes


def test_measurements_find_their_trial_and_their_test(make_run):
    run = read_run(RunFolder(make_run(20)))
    rows = front_rows(run, 10, CStaticOptions())
    assert [each.number for each in rows] == [trial.number for trial in run.front.trials]
    assert all(each.measurement and not each.differences for each in rows)
    deployed = deployed_networks(run, 10, CStaticOptions())[0]
    assert deployed.float_test.test_accuracy == 0.861
    assert deployed.int8_test.test_accuracy == 0.853
    alone = deployed_networks(replace(run, tests=run.tests[:1]), 10, CStaticOptions())
    assert alone[0].int8_test is None


def test_a_record_of_an_earlier_version_names_the_core_that_ran_it():
    """unicorn took no notice of the core that it was asked for."""
    old = MEASURED.model_copy(update={"core": "cortex-m4"})
    assert tool("measured_instructions", old) == "unicorn, an emulated cortex-m33"
    assert (
        tool("measured_instructions", old.model_copy(update={"emulator": "qemu"}))
        == "qemu, an emulated cortex-m7"
    )
    assert (
        tool("measured_instructions", old.model_copy(update={"emulated_core": "cortex-m4"}))
        == "unicorn, an emulated cortex-m4"
    )
