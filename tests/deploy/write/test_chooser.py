"""C that chooses a class by thresholds: what it takes for any logits, and how the network is left
that has none.
"""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

from lmanet.deploy.int8.thresholds import firmware_thresholds, whole_steps
from lmanet.deploy.settings import Settings
from lmanet.deploy.write.program import write_program
from lmanet.errors import ConfigError
from lmanet.network import parse_architecture
from lmanet.network.graph import operators
from lmanet.network.thresholds import choose
from lmanet.run.results import FirmwareThresholds

NETWORK = {
    "resolution": 9,
    "stages": [
        {"block": "depthwise", "channels": 4, "kernel": 3, "stride": 2, "expansion": 2}
        | {"se_ratio": 0, "skip": False, "activation": "relu6", "layers": 1}
    ],
}
NAMES = ("cat", "*/ dog", "cow")
# Logits from the standard input, the class of each to the standard output.
CLASSES = """#include "network.c"
#include <stdio.h>
int main(void) {
    while (fread((int8_t *)lmanet_output(), 1, LMANET_OUTPUT_BYTES, stdin) == LMANET_OUTPUT_BYTES)
        printf("%d\\n", lmanet_class());
    return 0;
}
"""
FITTED = FirmwareThresholds(added=(0, 17, -3), least_lead=(4, 0, 300), step=0.1, val_images=90)


@pytest.fixture
def graph(integer_graph):
    return replace(integer_graph(operators(parse_architecture(NETWORK), 3)), labels=NAMES)


@pytest.mark.slow  # compiles
def test_the_c_chooses_as_the_report_does_for_any_logits(graph, tmp_path):
    write_program(replace(graph, thresholds=FITTED), tmp_path)
    (tmp_path / "classes.c").write_text(CLASSES)
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O1"]
    kernels = sorted(path.name for path in tmp_path.glob("lmanet_*.c"))
    command = ["cc", *flags, "classes.c", *kernels, "-o", "classes"]
    subprocess.run(command, cwd=tmp_path, check=True)
    rng = np.random.default_rng(0)
    close = rng.integers(-128, 108, (2000, 1)) + rng.integers(0, 21, (2000, 3))
    logits = np.concatenate([rng.integers(-128, 128, (2000, 3)), close]).astype(np.int8)
    done = subprocess.run([tmp_path / "classes"], input=logits.tobytes(), capture_output=True)
    found = np.array(done.stdout.split(), int)
    wanted = choose(
        torch.from_numpy(logits).long(),
        torch.tensor(FITTED.added),
        torch.tensor(FITTED.least_lead),
    )
    assert found.tolist() == wanted.tolist()
    assert set(found) == {-1, 0, 1}, "each kind of answer is among them"


def test_a_network_without_thresholds_has_the_c_that_it_had(graph, tmp_path):
    for name, thresholds in (("with", FITTED), ("without", None)):
        write_program(replace(graph, thresholds=thresholds), tmp_path / name)
    for end in "ch":
        texts = [(tmp_path / name / f"network.{end}").read_text() for name in ("with", "without")]
        lines = [text.splitlines() for text in texts]
        assert "lmanet_class(" in texts[0] and "lmanet_class(" not in texts[1]
        assert not set(lines[1]) - set(lines[0]), "nothing is left out"


def drawn(counts, seed=0, gap=1.5):
    """Logits in whole steps of 0.1 that prefer frequent classes, and labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((count,), place) for place, count in enumerate(counts)])
    logits = torch.randn(len(labels), len(counts), generator=generator)
    logits[torch.arange(len(labels)), labels] += gap
    logits = 1.5 * logits + (torch.tensor(counts) / sum(counts)).log()
    return (logits / 0.1).round() * 0.1, labels


def test_unequal_classes_get_thresholds_in_whole_steps_and_equal_ones_none():
    found = firmware_thresholds(*drawn([600, 80, 30]), 0.1, None)
    assert found.added[0] == 0 < found.added[1] < found.added[2]
    assert found.least_lead == (0, 0, 0) and found.val_images == 710
    assert firmware_thresholds(*drawn([100, 100, 100]), 0.1, None) is None


def test_a_precision_that_is_asked_for_is_kept_on_the_images_it_was_fitted_on():
    logits, labels = drawn([200, 200, 200], gap=2)
    found = firmware_thresholds(logits, labels, 0.1, 0.95)
    chosen = choose(
        whole_steps(logits, 0.1), torch.tensor(found.added), torch.tensor(found.least_lead)
    )
    for place in range(3):
        called = labels[chosen == place]
        assert len(called) > 50 and (called == place).double().mean() >= 0.95
    assert (chosen == -1).any()


@pytest.mark.parametrize("share", [0, 1.5, -1])
def test_a_precision_that_is_no_share_is_refused(share):
    with pytest.raises(ConfigError, match=r"least_precision=.* legal are numbers above 0 and up"):
        Settings(least_precision=share)
