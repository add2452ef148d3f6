"""Cycles an instruction of a board, against values worked out by hand."""

import pytest

from lmanet.board import MeasuredCycles
from lmanet.cost.latency import latency_ms

THREE = (("a", 1000, 1100), ("b", 2000, 2000), ("c", 1000, 900))


def test_the_ratio_is_the_mean_and_the_error_that_of_each_network_by_the_others():
    fitted = MeasuredCycles("board", THREE)
    assert fitted.ratio == pytest.approx(1.0)
    # 1.1 by the others: (1.0 + 0.9) / 2 = 0.95; 0.9 by the others: 1.05
    assert fitted.error == pytest.approx(1.1 / 0.95 - 1)
    assert fitted.span == pytest.approx((1 - fitted.error, 1 + fitted.error))


def test_an_estimate_rests_on_the_board_from_three_networks_on():
    few, enough = MeasuredCycles("board", THREE[:2]), MeasuredCycles("board", THREE)
    of_core = latency_ms(10**6, "cortex-m4", 100)
    assert latency_ms(10**6, "cortex-m4", 100, measured=few) == of_core
    low, high = latency_ms(10**6, "cortex-m4", 100, measured=enough)
    assert (low + high) / 2 == pytest.approx(10) and high - low < of_core.highest - of_core.lowest


def test_cycles_of_the_generated_c_say_nothing_of_another_runtime():
    enough = MeasuredCycles("board", THREE)
    assert latency_ms(10**6, "cortex-m4", 100, "tflm", enough) == latency_ms(
        10**6, "cortex-m4", 100, "tflm"
    )


@pytest.mark.parametrize("network", [("a", 0, 10), ("a", 10, 0), ("a", 1.5, 10), ("a", "1", 10)])
def test_a_network_without_instructions_or_cycles_is_refused(network):
    with pytest.raises(ValueError, match="no instructions and cycles above 0"):
        MeasuredCycles("board", (network,))
