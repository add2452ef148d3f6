"""The generated C of three small networks, to the letter; ``LMANET_UPDATE_GOLDEN=1 pytest
tests/deploy`` writes the files anew.
"""

import os
from pathlib import Path

import pytest

from lmanet.cost import CStaticOptions
from lmanet.deploy.write.program import KERNELS, write_program
from lmanet.network import parse_architecture
from lmanet.network.graph import operators

GOLDEN = Path(__file__).parent / "golden"
STAGE = {
    "block": "depthwise",
    "channels": 4,
    "kernel": 3,
    "stride": 1,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": False,
    "layers": 1,
}
# Expansion, squeeze-and-excitation, sum and tables, in the smallest memory; a chain with a 1x1
# convolution beside it, in the plainest; and ordinary convolutions with projection and sum.
NETWORKS = {
    "fused": (
        {
            "resolution": 12,
            "stem": {"channels": 4, "kernel": 3, "stride": 2, "activation": "hard_swish"},
            "stages": [
                STAGE | {"block": "mbconv", "expansion": 3, "skip": True, "activation": "relu6"},
                STAGE
                | {"kernel": 5, "stride": 2, "se_ratio": 0.5, "channels": 6, "activation": "swish"},
            ],
        },
        CStaticOptions(),
    ),
    "plain": (
        {
            "resolution": 9,
            "padding": "torch",
            "stages": [
                STAGE | {"stride": 2, "activation": "leaky_relu"},
                STAGE | {"skip": True, "channels": 5, "activation": "relu6"},
            ],
        },
        CStaticOptions(fuse=False, in_place=False, reorder=False),
    ),
    "pixels": (
        {
            "resolution": 9,
            "stages": [
                STAGE | {"block": "conv", "skip": True, "layers": 2, "activation": "hard_swish"},
                STAGE | {"block": "fused", "expansion": 2, "skip": True, "activation": "relu6"},
                STAGE
                | {
                    "block": "fused",
                    "expansion": 2,
                    "stride": 2,
                    "channels": 5,
                    "activation": "leaky_relu",
                },
            ],
        },
        CStaticOptions(),
    ),
}
KINDS = {
    "fused": {"conv", "rows", "mean", "scale"},
    "plain": {"conv", "rows", "mean", "add"},
    "pixels": {"conv", "pixels", "mean"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_generated_c(name, integer_graph, tmp_path):
    architecture, options = NETWORKS[name]
    plan = write_program(
        integer_graph(operators(parse_architecture(architecture), 10), seed=1), tmp_path, options
    )
    assert {step.kind for step in plan.steps} == KINDS[name]
    for file in ("network.h", "network.c"):
        text, path = (tmp_path / file).read_text(encoding="utf-8"), GOLDEN / name / file
        if os.environ.get("LMANET_UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")
        assert len(text) < 30_000
    assert {path.name for path in tmp_path.iterdir()} == {"network.h", "network.c", *KERNELS}
