"""The sketch of the Arduino IDE that is measured: built as the IDE does, against a stand-in of
Arduino whose serial line is a pseudo-terminal, and measured over it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lmanet.board import load_target
from lmanet.deploy import BoardPrograms, Settings
from lmanet.deploy.write.serial import SKETCH
from lmanet.measure.line import Line
from lmanet.measure.session import Session

pytestmark = pytest.mark.slow  # compiles and emulates
STAND_IN = Path(__file__).with_name("arduino")
START = "\nint main() {\n    setup();\n    for (;;) loop();\n}\n"
PICO = ("-DARDUINO_ARCH_RP2040", "-DF_CPU=133000000L")
CORES = {
    "arduino-pico": PICO,
    "arduino-esp32": (
        "-DARDUINO_ARCH_ESP32",
        '-DCONFIG_IDF_TARGET="esp32s3"',
        "-DF_CPU=240000000L",
    ),
    "ArduinoCore-mbed": ("-DARDUINO_ARCH_NRF52840",),
    "another": ("-DLMANET_CORE_HZ=48000000",),
}


@pytest.fixture(scope="module")
def measured(small, tmp_path_factory):
    """Firmware for a board that the Arduino IDE opens, and what the stage measure knows of it."""
    programs = BoardPrograms(load_target("raspberry_pico"), 4, Settings(), None, True)
    return programs.of_candidate(small, tmp_path_factory.mktemp("pico"))[1]


def as_cpp(sketch: Path, to: Path) -> Path:
    """What the IDE makes of a sketch: C++ with Arduino.h in front."""
    if not shutil.which("g++"):
        pytest.skip("g++ is not here")
    main = to / f"{SKETCH}.ino.cpp"
    main.write_text("#include <Arduino.h>\n" + (sketch / f"{SKETCH}.ino").read_text() + START)
    return main


def compiled(source: Path, sketch: Path, *flags: str) -> subprocess.CompletedProcess:
    own = ("gcc", "-std=gnu17") if source.suffix == ".c" else ("g++", "-std=gnu++17")
    command = (*own, "-Wall", "-Wextra", "-Werror", f"-I{STAND_IN}", f"-I{sketch}", *flags)
    return subprocess.run([*command, source], capture_output=True, text=True)


def test_the_sketch_of_a_pico_is_measured_over_its_serial_line(measured, tmp_path):
    sketch = measured.folder / SKETCH
    assert measured.elf is None and not (sketch / "main.c").exists()
    units = []
    for source in [*sorted(sketch.glob("*.c")), as_cpp(sketch, tmp_path)]:
        units.append(tmp_path / f"{source.name}.o")
        made = compiled(source, sketch, *PICO, "-O1", "-c", "-o", str(units[-1]))
        assert not made.returncode, made.stderr
    subprocess.run(["g++", *units, "-o", tmp_path / "sketch"], check=True)
    board, line = os.openpty()
    running = subprocess.Popen([tmp_path / "sketch"], stdin=board, stdout=board)
    try:
        with Line(os.ttyname(line), 115200) as opened:
            figures = Session(opened, measured, timeout_s=20).measure(runs=3)
    finally:
        running.kill()
        running.wait()
        os.close(board)
        os.close(line)
    assert figures.board == "Arduino, RP2040" and figures.core_mhz == 133
    assert len(figures.cycles) == 4 and not figures.emulated


@pytest.mark.parametrize("core", CORES)
def test_each_core_of_arduino_says_what_the_board_runs_at(core, measured, tmp_path):
    sketch = measured.folder / SKETCH
    made = compiled(as_cpp(sketch, tmp_path), sketch, *CORES[core], "-fsyntax-only")
    assert not made.returncode, made.stderr


def test_a_board_whose_clock_is_unknown_asks_for_it(measured, tmp_path):
    sketch = measured.folder / SKETCH
    made = compiled(as_cpp(sketch, tmp_path), sketch, "-fsyntax-only")
    assert made.returncode and "#define LMANET_CORE_HZ" in made.stderr
