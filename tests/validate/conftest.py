"""A target and an architecture whose cost is worked out by hand."""

import pytest

from lmanet.board import Region
from lmanet.network import Architecture, Stage
from lmanet.space import load_space
from lmanet.validate import Target


@pytest.fixture
def space():
    return load_space("mcu", {"resolution": [32], "num_stages": [1, 3]})


@pytest.fixture
def make_target():
    def make(**changes) -> Target:
        usual = {
            "core": "cortex-m7",
            "clock_mhz": 100,
            "runtime": "plain",
            "regions": [Region("SRAM", 0x20000000, changes.pop("sram_bytes", 10_000))],
        }
        usual |= {
            "stack_bytes": 400,
            "runtime_sram_bytes": 600,
            "input_buffer_bytes": 500,
            "flash_bytes": 4_000,
        }
        usual |= {"runtime_flash_bytes": 1_000, "macs": 200_000}
        return Target(**{"name": "toy", "board": "a toy", **usual, **changes})

    return make


@pytest.fixture
def architecture() -> Architecture:
    """Depthwise 3x3 at stride 1 on 3 x 32 x 32, then 1x1 to 16 channels, then 10 classes.

    MACs: 1024 x 3 x 9 + 1024 x 3 x 16 + 16 x 10 = 27,648 + 49,152 + 160 = 76,960.
    Peak SRAM: at the 1x1, 3 x 1024 read and 16 x 1024 written = 19,456 bytes.
    Flash: weights 27 + 48 + 160 = 235 bytes, and 12 for each of 3 + 16 + 10 channels = 348; 583
    bytes.
    """
    stage = Stage(
        block="depthwise",
        channels=16,
        kernel=3,
        stride=1,
        expansion=1,
        se_ratio=0.0,
        skip=False,
        activation="relu6",
        layers=1,
    )
    return Architecture(resolution=32, stages=(stage,))
