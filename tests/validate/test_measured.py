"""The validator that runs networks: real runtimes, on a network of a few thousand bytes."""

import pytest

from lmanet.deploy import Settings, candidate_verifier
from lmanet.errors import DeployError
from lmanet.space import load_space
from lmanet.validate import MeasuredValidator


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
    assert verdict.measurement.measured_instructions == pytest.approx(verdict.cost.estimated_instructions, rel=0.1)


def test_what_breaks_a_limit_by_formula_is_not_run(make_validator, architecture):
    verdict = make_validator(macs=1_000).validate(architecture, set())
    assert not verdict.accepted and verdict.measurement is None


@pytest.mark.parametrize("runtime", ["c_static", "tflm"])
def test_a_limit_that_only_the_measured_network_breaks_is_named(make_validator, architecture, runtime):
    # Constants alone fit, with the code of the kernels they do not; TFLM's tail is larger on this machine than by formula.
    probe = make_validator(runtime=runtime).validate(architecture, set())
    quantity, given = ("flash_bytes", probe.cost.flash_bytes) if runtime == "c_static" else ("peak_sram_bytes", probe.cost.peak_sram_bytes)
    tight = {"flash_bytes": given + 1_000} if runtime == "c_static" else {"sram_bytes": given + 1_500}
    verdict = make_validator(runtime=runtime, **tight).validate(architecture, set())
    assert not verdict.accepted and verdict.measurement
    (violation,) = verdict.violations
    assert (violation.rule, violation.limit) == (quantity, given) and violation.given > given
    assert f"measured under {runtime}" in violation.hint


def test_a_network_that_the_runtimes_refuse_is_rejected_with_their_words(make_validator, architecture):
    class Refusing:
        def measure(self, architecture):
            raise DeployError("two runtimes differ")

    verdict = make_validator(lambda target, num_classes: Refusing()).validate(architecture, set())
    assert not verdict.accepted
    assert [(violation.rule, violation.hint) for violation in verdict.violations] == [("runtime", "two runtimes differ")]
