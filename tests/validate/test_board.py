"""The validator with a board in the loop: what a board says is a figure, or a status.

The board stands in here, so that it can fail on purpose; tests/measure has an emulated one.
"""

import numpy as np
import pytest

from lmanet.errors import BoardError, ConfigError, DeployError
from lmanet.run.measurement import BoardMeasurement, Measurement
from lmanet.run.records import Status, Verdict
from lmanet.space import load_space
from lmanet.steps import BoardProgram
from lmanet.validate import BoardValidator, Unlimited

FIGURES = BoardMeasurement(
    board="bench board",
    emulated=False,
    core_mhz=100.0,
    images=1,
    cycles=(490_000, 500_000, 560_000),
    instructions=400_000,
    network="0" * 16,
    seconds=1.0,
)


class Stand:
    """In place of a board; `answer` is its figures or its fault."""

    def __init__(self, answer, bss=1000, refusal=None):
        self.answer, self.bss, self.refusal, self.asked = answer, bss, refusal, 0

    def __call__(self, target, num_classes):
        return self

    def prepare(self, architecture, folder):
        if self.refusal:
            raise self.refusal
        sizes = dict.fromkeys(Measurement.model_fields, 1) | {
            "toolchain": "zig",
            "emulator": "qemu",
            "core": "cortex-m7",
            "emulated_core": "cortex-m7",
            "kernel_instructions": {},
            "compared": ("tflm",),
            "measured_bss_bytes": self.bss,
        }
        image = np.zeros((1, 1), np.int8)
        return Measurement(**sizes), BoardProgram("0" * 16, folder, None, image, image, 1)

    def measure(self, program):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def validate(make_target, architecture):
    def verdict(stand, limit=None, **changes):
        space = load_space("mcu", {"resolution": [32], "num_stages": [1, 3]})
        roomy = {"runtime": "c_static", "sram_bytes": 100_000, "flash_bytes": 100_000}
        validator = BoardValidator(space, make_target(**roomy | changes), 10, stand, limit)
        return validator.validate(architecture, set())

    return verdict


def test_a_network_within_the_limit_is_accepted_with_its_figures(validate):
    verdict = validate(Stand(FIGURES), limit=5.0)
    assert verdict.accepted and verdict.board == FIGURES and verdict.measurement
    assert verdict.board.measured_latency_ms == 5.0 and verdict.board.spread_ms == (4.9, 5.6)


def test_a_network_that_is_too_slow_on_the_board_is_refused_with_the_figure(validate):
    verdict = validate(Stand(FIGURES), limit=4.5)
    (violation,) = verdict.violations
    assert not verdict.accepted and verdict.ended is None
    assert (violation.rule, violation.given, violation.limit) == ("measured_latency_ms", 5.0, 4.5)
    assert "bench board" in violation.hint


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("silent", Status.TIMED_OUT),
        ("cut", Status.FAILED),
        ("wrong_bits", Status.FAILED),
        ("reset", Status.FAILED),
        ("garbled", Status.FAILED),
    ],
)
def test_a_fault_on_the_board_is_a_status_and_no_number(validate, status, ended):
    verdict = validate(Stand(BoardError(status, "it is at fault")), limit=5.0)
    assert (verdict.accepted, verdict.ended, verdict.board) == (False, ended, None)
    assert verdict.error == f"{status}: it is at fault" and not verdict.violations


@pytest.mark.parametrize(
    "status", ["no_port", "busy", "wrong_firmware", "wrong_clock", "not_flashed"]
)
def test_what_no_network_is_at_fault_for_ends_the_search(validate, status):
    with pytest.raises(BoardError, match="it is at fault"):
        validate(Stand(BoardError(status, "it is at fault")))


@pytest.mark.parametrize(
    "stand", [Stand(FIGURES, bss=10**6), Stand(FIGURES, refusal=DeployError("TFLM refuses it"))]
)
def test_what_does_not_fit_or_run_elsewhere_is_not_flashed(validate, stand):
    verdict = validate(stand)
    assert not verdict.accepted and verdict.violations and stand.asked == 0


def test_what_breaks_a_limit_by_formula_is_not_flashed(validate):
    stand = Stand(FIGURES)
    assert not validate(stand, macs=1_000).accepted and stand.asked == 0


def test_a_target_without_a_board_is_refused():
    with pytest.raises(ConfigError, match="target=none has none"):
        BoardValidator(load_space("mcu"), Unlimited(), 10, Stand(FIGURES))


def test_a_limit_below_zero_is_refused(make_target):
    with pytest.raises(ConfigError, match="a number above 0"):
        BoardValidator(load_space("mcu"), make_target(), 10, Stand(FIGURES), -1.0)


def test_verdicts_of_before_are_read(validate):
    verdict = validate(Stand(FIGURES))
    old = verdict.model_dump_json(exclude={"board", "ended", "error"})
    assert Verdict.model_validate_json(old).board is None
