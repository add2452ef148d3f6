"""The validator that runs networks: real runtimes, on a network of a few thousand bytes."""

import importlib.util

import numpy as np
import pytest

from lmanet.deploy import CandidateVerifier, Settings, candidate_verifier
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.run.verify import Verifier
from lmanet.errors import ConfigError, ToolError
from lmanet.space import load_space
from lmanet.validate import MeasuredValidator

pytestmark = pytest.mark.slow  # compiles and emulates


def lend(target, num_classes):
    return candidate_verifier(target, num_classes, Settings())


@pytest.fixture
def make_validator(make_target):
    def make(measurer=lend, **changes) -> MeasuredValidator:
        space = load_space("mcu", {"resolution": [32], "num_stages": [1, 3]})
        roomy = {"runtime": "c_static", "sram_bytes": 100_000, "flash_bytes": 100_000}
        return MeasuredValidator(space, make_target(**roomy | changes), 10, measurer)

    return make


def test_what_is_measured_is_what_the_formula_says(make_validator, architecture):
    verdict = make_validator().validate(architecture, set())
    assert verdict.accepted and verdict.feasible
    assert verdict.measurement.measured_bss_bytes == verdict.cost.peak_sram_bytes
    assert verdict.measurement.measured_instructions == pytest.approx(
        verdict.cost.estimated_instructions, rel=0.1
    )


def test_what_breaks_a_limit_by_formula_is_not_run(make_validator, architecture):
    verdict = make_validator(macs=1_000).validate(architecture, set())
    assert not verdict.accepted and verdict.measurement is None


@pytest.mark.parametrize("runtime", ["c_static", "tflm"])
def test_a_limit_that_only_the_measured_network_breaks_is_named(
    make_validator, architecture, runtime
):
    # Constants alone fit, with the code of the kernels they do not; TFLM's tail is larger on this
    # machine than by formula.
    probe = make_validator(runtime=runtime).validate(architecture, set())
    quantity, given = (
        ("flash_bytes", probe.cost.flash_bytes)
        if runtime == "c_static"
        else ("peak_sram_bytes", probe.cost.peak_sram_bytes)
    )
    tight = (
        {"flash_bytes": given + 1_000} if runtime == "c_static" else {"sram_bytes": given + 1_500}
    )
    verdict = make_validator(runtime=runtime, **tight).validate(architecture, set())
    assert not verdict.accepted and verdict.measurement
    (violation,) = verdict.violations
    assert (violation.rule, violation.limit) == (quantity, given) and violation.given > given
    assert f"measured under {runtime}" in violation.hint


def broken_for_tflm(folder):
    run_tflm(bytes(range(256)) * 8, np.zeros((1, 32, 32, 3), np.int8))


def broken_for_the_compiler(folder):
    (folder / "network.c").write_text("int lmanet_step(int step) { return no_such_name; }")
    toolchain_named("zig").compile(folder, "cortex-m7", folder / "network.elf")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(broken_for_tflm, "TFLM refuses the model"), (broken_for_the_compiler, "no_such_name")],
)
def test_a_network_that_a_tool_refuses_is_rejected_with_its_words(
    make_validator, architecture, refusal, words, tmp_path
):
    class Refused(CandidateVerifier):
        def measure(self, architecture):
            return refusal(tmp_path)

    verdict = make_validator(lambda target, num_classes: Refused(num_classes, Verifier())).validate(
        architecture, set()
    )
    assert not verdict.accepted and verdict.measurement is None
    (violation,) = verdict.violations
    assert violation.rule == "runtime" and words in violation.hint


def test_a_tool_that_hangs_rejects_no_network(make_validator, architecture, monkeypatch):
    monkeypatch.setattr("lmanet.tool.TIME_LIMIT_S", 0.01)
    with pytest.raises(ToolError, match=r"was stopped after 0.01 s"):
        make_validator().validate(architecture, set())


def test_a_tool_that_is_missing_is_named_before_the_first_network(make_validator, monkeypatch):
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, find=importlib.util.find_spec: None if name == "tflite_micro" else find(name),
    )
    with pytest.raises(ConfigError, match="tflite-micro is missing"):
        make_validator()
