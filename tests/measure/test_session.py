"""The serial line to an emulated board: figures, and each fault as one sentence with a status."""

import os
import pty
import threading
import time

import numpy as np
import pytest
import serial

from lmanet.errors import BoardError
from lmanet.measure.line import Line, _not_opened
from lmanet.measure.session import Session

pytestmark = pytest.mark.slow  # compiles and emulates
BAUD = 115200
LONG_S, SHORT_S = 30, 3  # until what comes at once, and until what never comes


def measured(port, program, runs=4, timeout_s=LONG_S):
    with Line(port, BAUD) as line:
        return Session(line, program, timeout_s).measure(runs)


@pytest.fixture
def fault(built):
    """What is said of a board that fails: the status, and the sentence."""

    def of(port, program=None, timeout_s=LONG_S):
        with pytest.raises(BoardError) as caught:
            measured(port, program or built(), timeout_s=timeout_s)
        assert port in str(caught.value) and "\n" not in str(caught.value)
        return caught.value.status, str(caught.value)

    return of


def test_an_emulated_board_gives_the_bits_of_the_reference_and_counts(board, built):
    program = built()
    figures = measured(board.port, program, runs=6)
    assert figures.emulated and "emulated" in figures.board
    assert (figures.images, len(figures.cycles)) == (len(program.inputs), 6)
    # an instruction is a nanosecond there, and the counter steps by 40
    assert figures.cycles_an_instruction == pytest.approx(1, abs=0.01)
    assert figures.measured_latency_ms == pytest.approx(program.instructions / 1e6, rel=0.01)
    low, high = figures.spread_ms
    assert low <= figures.measured_latency_ms <= high


def test_a_port_that_is_missing_is_named(fault):
    status, sentence = fault("/dev/no-such-port")
    assert status == "no_port" and "measure.port" in sentence


def test_a_port_that_another_program_holds_is_busy(board, fault):
    with Line(board.port, BAUD):
        status, sentence = fault(board.port)
    assert status == "busy" and "close that" in sentence


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (serial.SerialException("could not open port 'COM3': PermissionError(13, ...)"), "no_port"),
        (serial.SerialException("port 'COM3': PermissionError(13, 'Access is denied.')"), "busy"),
        (serial.SerialException(13, "could not open port: Permission denied"), "no_port"),
        (serial.SerialException("Could not exclusively lock port /dev/ttyX: [Errno 11]"), "busy"),
        (ValueError("Not a valid baudrate: -1"), "no_port"),
    ],
)
def test_why_a_port_was_not_opened_is_told_on_every_system(said, status):
    error = _not_opened("COM3", BAUD, said)
    assert error.status == status and "COM3" in str(error) and "conf/measure" in str(error)


def test_garbage_is_no_answer(fails, fault):
    status, sentence = fault(fails("garbles"), timeout_s=SHORT_S)
    assert status == "garbled" and "measure.baud" in sentence


def test_a_frame_that_was_damaged_on_its_way_is_refused_by_the_board(fails, fault):
    status, sentence = fault(fails("flips_a_bit"))
    assert status == "garbled" and "refused" in sentence and "checksum" in sentence


def test_a_line_that_is_cut_is_no_figure(board, built, fault):
    def pull_the_plug():
        time.sleep(1)
        board.close()

    plug = threading.Thread(target=pull_the_plug)
    plug.start()
    with pytest.raises(BoardError) as caught:
        measured(board.port, built(), runs=10_000)
    plug.join()
    assert caught.value.status == "cut" and "broke off" in str(caught.value)


def test_silence_is_no_figure(fails, fault):
    status, sentence = fault(fails("hangs"), timeout_s=SHORT_S)
    assert status == "silent" and "measure.timeout_s" in sentence


def test_a_port_without_a_board_is_silent(fault):
    ours, theirs = pty.openpty()
    try:
        status, _ = fault(os.ttyname(theirs), timeout_s=SHORT_S)
    finally:
        os.close(ours)
        os.close(theirs)
    assert status == "silent"


def test_a_reset_in_the_middle_is_no_figure(fails, fault):
    status, sentence = fault(fails("resets"))
    assert status == "reset" and "started anew" in sentence


def test_a_firmware_of_another_network_is_refused(board, built, fault):
    status, sentence = fault(board.port, built()._replace(network="0" * 16))
    assert status == "wrong_firmware" and built().network in sentence


def test_a_program_that_only_talks_is_another_firmware(fails, fault):
    status, sentence = fault(fails("talks"), timeout_s=SHORT_S)
    assert status == "wrong_firmware" and "hello, world" in sentence


def test_an_answer_with_other_bits_is_no_figure(board, built, fault):
    other = built().logits.copy()
    other[1, 0] ^= np.int8(1)
    status, sentence = fault(board.port, built()._replace(logits=other))
    assert status == "wrong_bits" and "reference" in sentence


def test_a_counter_that_stands_still_is_no_figure(fails, fault):
    status, sentence = fault(fails("stands_still"))
    assert status == "wrong_clock" and "0 ticks" in sentence


def test_a_counter_that_is_not_what_the_firmware_says_is_no_figure(board, built, fails, fault):
    program = built(emulated="0")
    board.flash(program.elf)
    status, sentence = fault(fails("hurries"), program)
    assert status == "wrong_clock" and "lmanet_board_tick_hz" in sentence


def test_a_board_goes_on_after_a_frame_that_was_cut_short(board, built):
    with serial.Serial(board.port, BAUD) as line:
        line.write(b"\xa5\x5a\x02\x07\x10")
        line.flush()
    assert measured(board.port, built()).cycles


@pytest.fixture
def said(board):
    """What the board says to a text command, up to its ready."""
    with serial.Serial(board.port, BAUD, timeout=LONG_S) as line:

        def lines():
            read = []
            while not read or read[-1] != "m-ready":
                text = line.readline().decode("ascii", "replace")
                assert text.endswith("\r\n"), (read, text)
                read.append(text.strip())
            return read[:-1]

        def to(command):
            line.write(f"{command}%".encode())
            return lines()

        assert lines()[-1] == "m-init-done"  # when it started
        yield to


def test_the_commands_of_mlperf_tiny_are_understood(board, built, said):
    size = built().inputs[0].size
    assert said("name") == ["m-name-dut-[lmanet]"]
    assert said("profile") == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[lmanet]"]
    assert said(f"db load {size}") == [f"m-[Expecting {size} bytes]"]
    pixels = bytes(place * 7 % 256 for place in range(size))
    for start in range(0, size, 31):  # as its runner does
        answer = said(f"db {pixels[start : start + 31].hex()}")
    assert answer == ["m-load-done"]
    assert said("db print")[:1] == ["m-buffer-" + "-".join(f"{each:02x}" for each in pixels[:8])]
    lines = said("infer 3 1")
    assert lines[:3] == ["m-warmup-start-1", "m-warmup-done", "m-infer-start-3"]
    first, second = (int(line.removeprefix("m-lap-us-")) for line in lines[3:5])
    assert second - first >= 3 * built().instructions / 1e3 - 1
    assert lines[5] == "m-infer-done" and said("results") == lines[6:]
    assert len(lines[6].removeprefix("m-results-[").split(",")) == built().logits[0].size


@pytest.mark.parametrize(
    "command",
    ["juggle", "", "db load 0", "db load 1000000", "db xyz", "infer 0", "infer x", "a" * 99],
)
def test_a_command_that_is_wrong_is_an_error_and_not_silence(said, command):
    assert any(line.startswith("e-[") for line in said(command))
