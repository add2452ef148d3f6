"""Rows of operators, against figures worked out by hand and against the cost
of the whole network.
"""

import pytest

from lmanet.cost import CStaticOptions, Platform
from lmanet.cost.latency import latency_ms
from lmanet.explain.facts.operators import operator_rows
from lmanet.network import Architecture, Stage, Stem, load_architecture
from lmanet.space import estimate_on

STEM = Stem(channels=8, kernel=3, stride=2, activation="relu6")
STAGE = Stage(
    block="mbconv",
    channels=16,
    kernel=3,
    stride=2,
    expansion=2,
    se_ratio=0.0,
    skip=False,
    activation="relu6",
    layers=1,
)
SMALL = Architecture(resolution=32, stem=STEM, stages=(STAGE,))
BOARD = Platform("c_static", CStaticOptions(), "cortex-m4", 180)


def test_macs_parameters_and_shapes_by_hand():
    rows = operator_rows(SMALL, 10, BOARD)
    assert [
        (row.name, row.part, row.kind, row.out_shape, row.macs, row.params) for row in rows
    ] == [
        ("stem.conv", "stem", "conv", (8, 16, 16), 16 * 16 * 8 * 27, 8 * 27 + 2 * 8),
        ("stage1.0.expand", "stage1", "conv", (16, 16, 16), 16 * 16 * 16 * 8, 16 * 8 + 2 * 16),
        ("stage1.0.depthwise", "stage1", "depthwise", (16, 8, 8), 8 * 8 * 16 * 9, 16 * 9 + 2 * 16),
        ("stage1.0.project", "stage1", "conv", (16, 8, 8), 8 * 8 * 16 * 16, 16 * 16 + 2 * 16),
        ("classifier.pool", "classifier", "mean", (16, 1, 1), 0, 0),
        ("classifier.linear", "classifier", "linear", (10, 1, 1), 160, 170),
    ]


def test_a_kernel_call_stands_at_its_first_operator_and_the_others_name_it():
    rows = operator_rows(SMALL, 10, BOARD)
    assert [row.fused_with for row in rows] == [
        None,
        None,
        "stage1.0.expand",
        "stage1.0.expand",
        None,
        None,
    ]
    for row in rows:
        if row.fused_with:
            assert row.estimated_instructions is None and row.latency_ms is None
        else:
            assert row.latency_ms == latency_ms(row.estimated_instructions, "cortex-m4", 180)


@pytest.mark.parametrize("runtime", ["c_static", "tflm", "plain"])
@pytest.mark.parametrize(
    "architecture", [SMALL, load_architecture("lmanet_elite")], ids=["small", "lmanet_elite"]
)
def test_the_rows_add_up_to_the_network(architecture, runtime):
    platform = Platform(
        runtime, CStaticOptions(), *(("cortex-m4", 180) if runtime == "c_static" else ())
    )
    cost, rows = estimate_on(architecture, 10, platform), operator_rows(architecture, 10, platform)
    assert sum(row.macs for row in rows) == cost.macs
    assert sum(row.params for row in rows) == cost.params
    assert next(row.name for row in rows if row.is_peak) == cost.peak_operator
    assert (
        max(row.sram_bytes for row in rows)
        == rows[[row.is_peak for row in rows].index(True)].sram_bytes
    )
    known = [row.estimated_instructions for row in rows if row.estimated_instructions is not None]
    if cost.estimated_instructions is None:
        assert not known and not any(row.fused_with or row.latency_ms for row in rows)
    else:
        assert sum(known) == pytest.approx(cost.estimated_instructions, abs=len(known))


def test_without_a_core_there_is_no_latency():
    rows = operator_rows(SMALL, 10, Platform())
    assert rows[0].estimated_instructions and not any(row.latency_ms for row in rows)
