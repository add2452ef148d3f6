"""Frames of the serial line: what is sent is found again, whatever stands around it."""

import numpy as np
import pytest

from lmanet.measure.frames import MARK, Frame, Reader, encode

FRAMES = [Frame(1, 0, b""), Frame(2, 255, MARK * 40), Frame(0x82, 7, bytes(range(256)))]


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_frames_are_found_among_other_bytes_in_pieces_of_any_size(step):
    noise = [b"m-ready\r\n", b"\xa5", b"\xa5\xa5\x5b"]
    stream = b"".join(before + encode(frame) for before, frame in zip(noise, FRAMES, strict=True))
    reader, found = Reader(), []
    for start in range(0, len(stream), step):
        found += reader.feed(stream[start : start + step])
    assert found == FRAMES and reader.damaged == 0 and b"m-ready" in reader.stray


def test_a_frame_with_any_bit_changed_is_no_frame_and_the_next_one_is_found():
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(encode(Frame(2, 3, rng.bytes(20))))
        place = int(rng.integers(len(damaged)))
        damaged[place] ^= 1 << int(rng.integers(8))
        found = list(Reader().feed(bytes(damaged) + encode(FRAMES[0]) * 8))
        # a length that has grown takes bytes that follow, and no more than these
        assert FRAMES[0] in found or 4 <= place < 8
        assert all(frame == FRAMES[0] for frame in found)


def test_a_length_that_no_frame_has_is_passed_over():
    reader = Reader()
    huge = MARK + b"\x02\x01" + (2**31).to_bytes(4, "little")
    assert list(reader.feed(huge + encode(FRAMES[2]))) == [FRAMES[2]]
    assert reader.damaged == 1
