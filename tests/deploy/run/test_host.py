"""A program written by hand, as a library of this machine."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import DeployError

pytestmark = pytest.mark.slow  # compiles and emulates

PROGRAM = Path(__file__).parent / "two_steps"


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_image_has_its_own_logits(compiler, workers, tmp_path):
    if compiler == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("needs arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi")
    network = HostNetwork(
        toolchain_named(compiler).compile_host_network(PROGRAM, tmp_path / "network.so"), workers
    )
    images = np.random.default_rng(0).integers(-128, 128, (2001, 4, 4, 3)).astype(np.int8)
    expected = np.minimum(-images.astype(int), 127).reshape(-1, 6, 8).sum(axis=1).clip(-128, 127)
    np.testing.assert_array_equal(network.run(images), expected)


def test_other_images_and_libraries_are_refused(tmp_path):
    network = HostNetwork(
        toolchain_named("zig").compile_host_network(PROGRAM, tmp_path / "network.so")
    )
    with pytest.raises(DeployError, match="48 an image"):
        network.run(np.zeros((2, 49), np.int8))
    (tmp_path / "other.so").write_text("no library")
    with pytest.raises(DeployError, match="no library of a network"):
        HostNetwork(tmp_path / "other.so")
