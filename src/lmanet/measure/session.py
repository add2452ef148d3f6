"""One firmware that answers: who it is, and images for logits and cycles."""

import re
import struct
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.errors import BoardError
from lmanet.measure.frames import Kind
from lmanet.measure.line import Line
from lmanet.run.measurement import BoardMeasurement
from lmanet.steps import BoardProgram

VERSION = 1
EMULATED = 1
GREETING = struct.Struct("<BBIIIIII16s")
RESULT = struct.Struct("<II")
NO_NAME = re.compile(r"[^\w.,+() -]", re.ASCII)
# A board may just have started, which it says in words, or be in the middle of a cut frame.
MAY_PASS = ("silent", "garbled", "wrong_firmware")
FIRST_TRIES = 3  # a board that starts when its port is opened hears nothing for a second or two
# Seconds over which the board's counter is held against this machine's clock, and the share by
# which they may differ: a byte over USB waits for milliseconds.
CLOCK_S, CLOCK_SHARE = 1.0, 0.05


class Greeting(NamedTuple):
    """What a firmware says of itself.

    Attributes:
        tick_hz: of its counter; core_hz: of its core.
        runs: of the network since it started.
        ticks: that its counter showed.
        network: as in `BoardProgram`.
    """

    version: int
    flags: int
    input_bytes: int
    output_bytes: int
    tick_hz: int
    core_hz: int
    runs: int
    ticks: int
    network: str
    name: str


class Session:
    """A line with the firmware of one network at its end.

    Args:
        program: that should run there.
        timeout_s: that an answer may take, beside its transfer.

    Raises:
        BoardError: nothing answers, or another program does.
    """

    def __init__(self, line: Line, program: BoardProgram, timeout_s: float) -> None:
        self.line, self.program, self.timeout_s = line, program, timeout_s
        self.greeting = self._first_greeting()
        self._check(self.greeting)
        self._runs = self.greeting.runs
        if not self.greeting.flags & EMULATED:
            self._check_clock()

    def measure(self, runs: int) -> BoardMeasurement:
        """Each image in turn, until there are ``runs`` figures; a first run warms the caches.

        Raises:
            BoardError: an answer is wrong, or does not come.
        """
        start, images, counted = time.monotonic(), len(self.program.inputs), list[int]()
        for place in range(max(runs, images) + 1):
            at = place % images
            ticks = self._run(self.program.inputs[at], self.program.logits[at])
            counted.append(round(ticks * self.greeting.core_hz / self.greeting.tick_hz))
        return BoardMeasurement(
            board=self.greeting.name,
            emulated=bool(self.greeting.flags & EMULATED),
            core_mhz=self.greeting.core_hz / 1e6,
            images=images,
            cycles=tuple(counted[1:]),
            instructions=self.program.instructions,
            network=self.program.network,
            seconds=time.monotonic() - start,
        )

    def _run(self, image: NDArray[np.int8], expected: NDArray[np.int8]) -> int:
        port, began = self.line.port, time.monotonic()
        answer = self.line.ask(Kind.RUN, image.tobytes(), self.timeout_s).content
        if len(answer) != RESULT.size + expected.size:
            raise self._other(f"it answers {len(answer)} bytes to an image")
        ticks, runs = RESULT.unpack_from(answer)
        self._runs = (self._runs + 1) % 2**32
        if runs != self._runs:
            raise BoardError(
                "reset",
                f"{port}: the board counts {runs} runs where this is the {self._runs}th since it "
                "was greeted; see to its power, and to a watchdog in its firmware",
            )
        if not np.array_equal(np.frombuffer(answer, np.int8, offset=RESULT.size), expected.ravel()):
            raise BoardError(
                "wrong_bits",
                f"{port}: the board's logits are not those of the reference; compile the network "
                "with the flags of the firmware's README, and see that its memory is its own",
            )
        took = time.monotonic() - began - self.line.transfer_s(image.size)
        if ticks == 0 or took > 2**32 / self.greeting.tick_hz:
            raise BoardError(
                "wrong_clock",
                f"{port}: the board counted {ticks} ticks; its counter must run, and may not pass "
                "2^32 in a run: correct lmanet_board_ticks in its board file",
            )
        return int(ticks)

    def _first_greeting(self) -> Greeting:
        for _ in range(FIRST_TRIES - 1):
            try:
                return self._greet(self.timeout_s / FIRST_TRIES)
            except BoardError as error:
                if error.status not in MAY_PASS:
                    raise
        return self._greet(self.timeout_s / FIRST_TRIES)

    def _greet(self, seconds: float) -> Greeting:
        content = self.line.ask(Kind.HELLO, b"", seconds, fresh=True).content
        if len(content) < GREETING.size or content[0] != VERSION:
            version = content[0] if content else "unknown"
            raise self._other(f"its protocol is of version {version}, and this is {VERSION}")
        *numbers, network = GREETING.unpack_from(content)
        # anyone's firmware names itself: what could be markup is dropped
        name = NO_NAME.sub("?", content[GREETING.size :].decode("ascii", "replace"))[:60]
        return Greeting._make((*numbers, network.decode("ascii", "replace"), name))

    def _check(self, greeting: Greeting) -> None:
        program = self.program
        sizes = greeting.input_bytes, greeting.output_bytes
        if greeting.network != program.network:
            raise self._other(f"its network is {NO_NAME.sub('?', greeting.network)}")
        if sizes != (program.inputs[0].size, program.logits[0].size):
            raise self._other(f"it reads {sizes[0]} bytes and gives {sizes[1]}")
        if not greeting.tick_hz or not greeting.core_hz:
            raise BoardError(
                "wrong_clock",
                f"{self.line.port}: the firmware names a clock of 0 Hz; correct "
                "lmanet_board_tick_hz and lmanet_board_core_hz in its board file",
            )

    def _check_clock(self) -> None:
        """A counter that is not what the firmware says makes every figure wrong, in silence."""
        before, start = self.greeting, time.monotonic()
        time.sleep(CLOCK_S)
        after = self._greet(self.timeout_s)
        passed = time.monotonic() - start
        counted = (after.ticks - before.ticks) % 2**32 / before.tick_hz
        if abs(counted / passed - 1) > CLOCK_SHARE:
            raise BoardError(
                "wrong_clock",
                f"{self.line.port}: the board counted {counted:.3g} s where {passed:.3g} s passed; "
                f"correct lmanet_board_tick_hz={before.tick_hz} in its board file",
            )

    def _other(self, what: str) -> BoardError:
        return BoardError(
            "wrong_firmware",
            f"{self.line.port}: the firmware there is another ({what}), and this network is "
            f"{self.program.network}; flash {self.program.elf or self.program.folder}",
        )
