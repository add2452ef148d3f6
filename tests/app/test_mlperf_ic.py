"""The search that is held against MLPerf Tiny's image classification has ResNet-8's cost as its
limits. tests/app/test_conf.py runs it small, as every experiment.
"""

import math

import numpy as np

from lmanet.app import Run
from lmanet.cost.c_runtime.instructions import estimated_instructions
from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.cost.estimate import macs, params
from lmanet.cost.latency import estimated_latency_ms
from lmanet.network.mlperf_tiny import reference
from lmanet.space import estimate_on

EXPERIMENT = "+experiment=mlperf_ic"


def test_the_limits_are_what_resnet8_takes(composed, tmp_path):
    run, graph = Run(composed(EXPERIMENT, f"folder={tmp_path}")), reference("resnet8")
    plan = plan_c_static(graph, run.target.c_options)
    instructions = estimated_instructions(plan.steps)
    latency = estimated_latency_ms(instructions, run.target.core, run.target.clock_mhz)
    expected = {
        "macs": sum(map(macs, graph)),
        "params": sum(map(params, graph)),
        "peak_sram_bytes": plan.arena_bytes,
        "estimated_latency_ms": math.floor(latency.highest),
    }
    assert {name: run.target.limits[name] for name in expected} == expected


def test_draws_of_its_space_are_within_the_limits_often_enough(composed, tmp_path):
    run, rng = Run(composed(EXPERIMENT, f"folder={tmp_path}")), np.random.default_rng(0)
    costs = [estimate_on(run.space.sample(rng), 10, run.target.platform) for _ in range(60)]
    limits = run.target.limits.items()
    legal = [all(getattr(cost, name) <= limit for name, limit in limits) for cost in costs]
    assert sum(legal) > 3
