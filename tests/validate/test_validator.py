"""Membership, duplicate, cost: each rule, their order, and every violation with given and limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.board import Region
from lmanet.cost import estimate
from lmanet.cost.latency import latency_ms
from lmanet.network import load_architecture, parse_architecture
from lmanet.space import architecture_id, load_space
from lmanet.validate import Target, Validator


@pytest.fixture
def make_validator(space, make_target):
    def make(enforce: bool = True, **changes) -> Validator:
        return Validator(space, make_target(**changes), num_classes=10, enforce=enforce)

    return make


ROOMY = {"sram_bytes": 100_000, "flash_bytes": 100_000}


def test_what_keeps_every_rule_is_accepted_with_its_cost(make_validator, architecture):
    verdict = make_validator(**ROOMY).validate(architecture, set())
    assert verdict.accepted and verdict.feasible
    assert (verdict.cost.macs, verdict.cost.peak_sram_bytes, verdict.cost.flash_bytes) == (
        76_960,
        19_456,
        583,
    )


def test_a_limit_that_is_met_exactly_is_kept(make_validator, architecture):
    exact = {"sram_bytes": 19_456 + 1_500, "flash_bytes": 1_583, "macs": 76_960}
    assert make_validator(**exact).validate(architecture, set()).feasible
    for quantity in exact:
        verdict = make_validator(**exact | {quantity: exact[quantity] - 1}).validate(
            architecture, set()
        )
        assert len(verdict.violations) == 1 and not verdict.accepted


def test_every_limit_that_is_broken_is_named_with_given_and_limit(make_validator, architecture):
    verdict = make_validator(macs=76_000, flash_bytes=1_500).validate(architecture, set())
    assert not verdict.accepted
    assert [
        (violation.rule, violation.given, violation.limit) for violation in verdict.violations
    ] == [
        ("macs", 76_960, 76_000),
        ("peak_sram_bytes", 19_456, 8_500),
        ("flash_bytes", 583, 500),
    ]


def test_hints_say_where_and_what_to_change(make_validator, architecture):
    macs, sram, flash = (
        make_validator(macs=76_000, flash_bytes=1_500).validate(architecture, set()).violations
    )
    assert macs.hint == (
        "macs=76960 (100% of them in stage1) exceeds the limit 76000 of target toy; use fewer "
        "channels, layers or a smaller expansion in stage1, or stride 2 before it "
        "(conf/target/toy.yaml)"
    )
    assert sram.hint == (
        "peak_sram_bytes=19456 at stage1.0.project exceeds the limit 8500 of target toy; halve "
        "the channels or the expansion there, or put stride 2 earlier (conf/target/toy.yaml)"
    )
    # flash: 12 x 19 + 75 = 303 of 583 bytes in stage1, 280 in the classifier
    assert flash.hint == (
        "flash_bytes=583 (52% of them in stage1) exceeds the limit 500 of target toy; use fewer "
        "channels, layers or a smaller expansion in stage1 (conf/target/toy.yaml)"
    )


def test_outside_the_space_nothing_else_is_checked(make_validator, architecture):
    stage = architecture.stages[0].model_copy(update={"kernel": 1, "channels": 12})
    outside = architecture.model_copy(update={"stages": (stage,)})
    verdict = make_validator().validate(outside, {architecture_id(outside)})
    assert not verdict.accepted and verdict.cost is None
    assert {violation.rule for violation in verdict.violations} == {"membership"}
    assert [violation.hint.partition(",")[0] for violation in verdict.violations] == [
        "stage 1 channels=12",
        "stage 1 kernel=1",
    ]
    assert verdict.violations[1].hint.endswith(
        "legal values are 3, 5, 7 in the space mcu (conf/space/mcu.yaml)"
    )


def test_a_duplicate_in_other_words_is_refused(make_validator, architecture):
    stage = architecture.stages[0].model_copy(update={"expansion": 6})
    renamed = architecture.model_copy(update={"stages": (stage,)})
    verdict = make_validator(**ROOMY).validate(renamed, {architecture_id(architecture)})
    assert not verdict.accepted
    assert [violation.rule for violation in verdict.violations] == ["duplicate"]
    assert verdict.violations[0].hint.startswith("this network was proposed before; change ")


def test_a_duplicate_over_a_limit_breaks_both_in_this_order(make_validator, architecture):
    verdict = make_validator(flash_bytes=100_000).validate(
        architecture, {architecture_id(architecture)}
    )
    assert [violation.rule for violation in verdict.violations] == ["duplicate", "peak_sram_bytes"]


def test_not_enforced_limits_are_recorded_and_the_network_is_accepted(make_validator, architecture):
    validator = make_validator(enforce=False)
    verdict = validator.validate(architecture, set())
    assert verdict.accepted and not verdict.feasible
    assert [violation.rule for violation in verdict.violations] == ["peak_sram_bytes"]
    assert not validator.validate(architecture, {architecture_id(architecture)}).accepted


SPACE = load_space("mcu")
SMALL = Target(
    "small",
    "",
    "cortex-m4",
    180,
    "plain",
    [Region("SRAM", 0, 131_072)],
    4_096,
    12_288,
    38_400,
    524_288,
    65_536,
    6_000_000,
)


@given(seed=st.integers(0, 2**32 - 1), enforce=st.booleans())
def test_accepted_means_within_every_limit_exactly_where_limits_are_enforced(seed, enforce):
    architecture = SPACE.sample(np.random.default_rng(seed))
    verdict = Validator(SPACE, SMALL, 10, enforce).validate(architecture, set())
    cost = estimate(architecture, 10, "plain")
    broken = {
        quantity for quantity, limit in SMALL.limits.items() if getattr(cost, quantity) > limit
    }
    assert {violation.rule for violation in verdict.violations} == broken
    assert verdict.accepted == (not broken or not enforce)


def test_qwnet_core_breaks_the_papers_own_limit():
    """400 KiB where the paper says 227 KB: defect 7 of the paper's estimator."""
    regions = [Region("AXI SRAM", 0x24000000, 524_288)]
    board = Target(
        "stm32h743",
        "",
        "cortex-m7",
        480,
        "plain",
        regions,
        8_192,
        34_816,
        153_600,
        2_097_152,
        131_072,
        100_000_000,
    )
    published = {
        name: load_architecture(name) for name in ("lmanet_elite", "lmanet_core", "qwnet_core")
    }
    space = load_space("lmanet", {"padding": ["torch"], "stage": {"expansion": [2, 3, 4, 6]}})
    verdicts = {
        name: Validator(space, board, 100).validate(architecture, set())
        for name, architecture in published.items()
    }
    assert {name: verdict.accepted for name, verdict in verdicts.items()} == {
        "lmanet_elite": True,
        "lmanet_core": True,
        "qwnet_core": False,
    }
    assert (
        verdicts["qwnet_core"]
        .violations[0]
        .hint.startswith(
            "peak_sram_bytes=409600 at stage3.1.depthwise exceeds the limit 327680 of target "
            "stm32h743"
        )
    )


def test_a_network_that_only_all_regions_together_would_hold_is_told_so(
    make_validator, architecture
):
    regions = [Region("AXI SRAM", 0x24000000, 20_000), Region("DTCM", 0x20000000, 8_000)]
    (violation,) = (
        make_validator(regions=regions, flash_bytes=100_000)
        .validate(architecture, set())
        .violations
    )
    assert violation.hint.startswith(
        "peak_sram_bytes=19456 at stage1.0.project exceeds the limit 18500 of target toy (it must "
        "lie in one region, and the largest, AXI SRAM, has 20000 of 28000 bytes); "
    )
    (violation,) = (
        make_validator(sram_bytes=20_000, flash_bytes=100_000)
        .validate(architecture, set())
        .violations
    )
    assert "region" not in violation.hint


def test_the_memory_that_is_limited_is_that_of_the_targets_runtime(make_validator, architecture):
    exact = {
        runtime: estimate(architecture, 10, runtime).peak_sram_bytes
        for runtime in ("plain", "c_static", "tflm")
    }
    assert len(set(exact.values())) == 3
    for runtime, size in exact.items():
        fits = {"runtime": runtime, "sram_bytes": size + 1_500, "flash_bytes": 100_000}
        assert make_validator(**fits).validate(architecture, set()).feasible
        (violation,) = (
            make_validator(**fits | {"sram_bytes": size + 1_499})
            .validate(architecture, set())
            .violations
        )
        assert violation.rule == "peak_sram_bytes"


def test_a_limit_of_latency_holds_the_upper_end_of_the_estimate(make_validator, architecture):
    cost = make_validator(**ROOMY, runtime="c_static").validate(architecture, set()).cost
    assert cost.estimated_latency_ms == pytest.approx(
        latency_ms(cost.estimated_instructions, "cortex-m7", 100).highest
    )
    (violation,) = (
        make_validator(**ROOMY, runtime="c_static", estimated_latency_ms=1)
        .validate(architecture, set())
        .violations
    )
    assert violation.rule == "estimated_latency_ms" and violation.given == cost.estimated_latency_ms
    assert (
        make_validator(**ROOMY, runtime="c_static", estimated_latency_ms=1000)
        .validate(architecture, set())
        .feasible
    )


def test_figures_are_written_out_however_large(make_validator):
    network = SPACE.sample(np.random.default_rng(0))
    stage = network.stages[0].model_copy(
        update={
            "block": "mbconv",
            "channels": 320,
            "kernel": 7,
            "stride": 1,
            "expansion": 6,
            "layers": 6,
        }
    )
    huge = network.model_copy(update={"resolution": 160, "stem": None, "stages": (stage,) * 3})
    validator = Validator(SPACE, make_validator().target, 10)
    cost = estimate(huge, 10, "plain")
    assert cost.macs > 10**11
    assert any(
        violation.hint.startswith(f"macs={cost.macs} ")
        for violation in validator.validate(huge, set()).violations
    )


def test_what_the_generated_c_cannot_hold_is_refused_before_it_is_trained(make_target):
    """4,096 channels under a kernel of 3 and an expansion of 8 are within the limits of a very
    large board, and beyond 16 bits.
    """
    stage = {
        "block": "mbconv",
        "channels": 4096,
        "kernel": 3,
        "stride": 2,
        "expansion": 8,
        "se_ratio": 0.0,
        "skip": False,
        "layers": 2,
    }
    architecture = parse_architecture(
        {"resolution": 8, "stages": [stage | {"activation": "relu6"}]}
    )
    space = load_space(
        "mcu",
        {
            "resolution": [8],
            "num_stages": [1],
            "stage": {"channels": [4096], "expansion": [8], "layers": [2]},
        },
    )
    roomy = {"sram_bytes": 10**9, "flash_bytes": 10**10, "macs": 10**12}
    verdict = Validator(space, make_target(**roomy), num_classes=10).validate(architecture, set())
    assert not verdict.accepted
    (violation,) = verdict.violations
    assert violation.rule == "generated_c"
    assert violation.hint == (
        "stage1.1.expand: lm_dense.outputs=32768, and the generated C holds at most 32767; take "
        "fewer channels, a smaller expansion or a smaller kernel (conf/space)"
    )
