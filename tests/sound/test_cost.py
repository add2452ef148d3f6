"""What the front end takes counts in the limits of a board."""

from dataclasses import replace

import pytest

from lmanet.board import load_target
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound


def test_the_front_end_takes_its_part_of_a_boards_limits() -> None:
    target, cost = load_target("stm32f446"), estimate_sound(FrontEnd())
    before, after = target.limits, target.hearing(FrontEnd()).limits
    assert after["flash_bytes"] == before["flash_bytes"] - cost.flash_bytes
    # the microphone takes the place of the camera's frame
    camera = target.input_buffer_bytes
    assert after["peak_sram_bytes"] == before["peak_sram_bytes"] + camera - cost.ram_bytes
    assert after["macs"] == before["macs"]


def test_the_frames_of_a_hop_take_their_part_of_a_limit_of_time() -> None:
    target = replace(load_target("stm32f446"), estimated_latency_ms=50)
    left = [
        target.hearing(FrontEnd(hop_frames=hop)).limits["estimated_latency_ms"] for hop in (1, 10)
    ]
    assert 50 > left[0] > left[1] > 0


@pytest.mark.parametrize(
    "more", [{"clip_ms": 2000}, {"bands": 60}, {"window_ms": 60}, {"smoothed_windows": 5}]
)
def test_more_to_hear_takes_more_memory(more: dict[str, int]) -> None:
    usual, larger = estimate_sound(FrontEnd()), estimate_sound(FrontEnd(**more))  # type: ignore[arg-type]
    assert larger.ram_bytes > usual.ram_bytes
