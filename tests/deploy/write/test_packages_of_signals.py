"""Deliveries of a network that reads a sensor: the stream comes with it, and the example reads it."""

import subprocess
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from deliveries import CPP, built, sketch

from lmanet.deploy.hearing import give_senses
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.firmware import NETWORK
from lmanet.deploy.write.packages import DELIVERIES, Library, write_packages
from lmanet.deploy.write.packages.library import prefixed
from lmanet.deploy.write.program import write_program
from lmanet.network import Architecture
from lmanet.network.graph import operators
from lmanet.network.images import Scaling
from lmanet.steps import Sensing

pytestmark = pytest.mark.slow  # compiles
NAMES = ("lmanet_walk", "run", "rest")
# the second channel is far from zero, as air pressure is, so that single precision matters
LIMITS = np.array([[-4, 4], [101_300, 101_301.5], [-2e-3, 1e-3]])
SENSING = Sensing(
    LIMITS[:, 0].astype(np.float32),
    (255 / (LIMITS[:, 1] - LIMITS[:, 0])).astype(np.float32),
    *(20, 8, 2),
)
MOMENTS = 45
WINDOWS = 1 + (MOMENTS - SENSING.length) // SENSING.hop
STAGE = {
    **{"block": "conv", "channels": 8, "kernel": 3, "stride": 2, "expansion": 1},
    **{"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1},
}
# Two networks of two prefixes in one program, each with a stream of its own.
BOTH_CPP = """#include <steps.h>
#include <other.h>
#include "steps_check.h"
#include "other_check.h"
#include <cstdio>
#define FEEL(p, P)                                                                               \\
    {                                                                                            \\
        uint32_t state = 1;                                                                      \\
        for (int windows = 0; !windows;) {                                                       \\
            float moment[P##_CHANNELS];                                                          \\
            p##_check_moment(&state, moment);                                                    \\
            windows = p##_push_moments(moment, 1);                                               \\
        }                                                                                        \\
        for (int i = 0; i < P##_OUTPUT_BYTES; i++) different += p##_output()[i] != p##_check_felt[i]; \\
    }
int main() {
    int different = 0;
    FEEL(steps, STEPS)
    FEEL(other, OTHER)
    return different + (steps_posteriors() == other_posteriors());
}
"""
# What a user fills in; a file has the sensor's moments.
NO_SENSOR = "static bool start_sensor() {\n    return false;\n}"
SENSOR = """static std::FILE *file;
static bool start_sensor() {
    file = std::fopen("moments.raw", "rb");
    before_turn = [] {
        float moment[STEPS_CHANNELS];
        if (std::fread(moment, sizeof moment, 1, file) != 1) std::exit(0);
        felt(moment);
    };
    return true;
}"""


def made(integer_graph, folder, prefix, seed):
    """A network that reads a sensor, as a library, with its moments and what it says of them."""
    architecture = Architecture(
        resolution=1, width=SENSING.length, input_channels=len(LIMITS), stages=[STAGE]
    )
    drawn = integer_graph(operators(architecture, len(NAMES)), seed)
    graph = replace(drawn, labels=NAMES, mean=(0.4,) * 3, std=(0.2,) * 3)
    plan = write_program(graph, folder / NETWORK)
    library = toolchain_named("zig").compile_host_network(folder / NETWORK, folder / "host.so")
    host, scale = HostNetwork(library), graph.scales[graph.operators[-1].name].scale
    text = give_senses(SENSING, graph, folder, host)
    moments = np.random.default_rng(seed).uniform(*LIMITS.T, (MOMENTS, len(LIMITS)))
    moments = moments.astype(np.float32)
    first = Scaling(SENSING.lowest, SENSING.gain).bytes_of(moments[: SENSING.length].T)
    real = scale * host.run_bytes(first.T[None, None])[0].astype(float)
    shares = np.exp(real - real.max()) / np.exp(real - real.max()).sum()
    return SimpleNamespace(
        library=Library(
            *(prefix, folder / NETWORK, text, len(NAMES), plan.arena_bytes, scale),
            graph.operators[0].in_shape,
            stream=SENSING,
        ),
        folder=folder / "packages",
        moments=moments,
        said=f"{NAMES[shares.argmax()]}, probability {shares.max():.3f}",
    )


@pytest.fixture(scope="module")
def steps(integer_graph, tmp_path_factory):
    """In all deliveries."""
    found = made(integer_graph, tmp_path_factory.mktemp("steps"), "steps", 3)
    write_packages(found.library, tuple(DELIVERIES), found.folder)
    return found


@pytest.fixture(scope="module")
def other(integer_graph, tmp_path_factory):
    """Another one, as an Arduino library."""
    folder = tmp_path_factory.mktemp("other")
    found = made(integer_graph, folder, "other", 4)
    write_packages(found.library, ["arduino"], found.folder)
    objects, include = built("arduino", found.folder / "arduino" / "other")
    return SimpleNamespace(objects=objects, include=include, check=found.library.check)


@pytest.mark.parametrize("name", DELIVERIES)
def test_each_delivery_reads_a_sensor_and_another_network_is_in_the_same_program_of_cpp(
    name, steps, other, tmp_path
):
    objects, include = built(name, steps.folder / name / "steps")
    for prefix, text in (("steps", steps.library.check), ("other", other.check)):
        (tmp_path / f"{prefix}_check.h").write_text(prefixed(text, prefix))
    (tmp_path / "main.cpp").write_text(BOTH_CPP)
    includes = [f"-I{include}", f"-I{other.include}"]
    linked = [str(each) for each in (*objects, *other.objects)]
    subprocess.run(
        ["g++", *CPP, *includes, "main.cpp", *linked, "-lm", "-o", "program"],
        cwd=tmp_path,
        check=True,
    )
    subprocess.run([tmp_path / "program"], check=True)
    assert '"lmanet_walk"' in (include / "steps_network.h").read_text()
    assert not (include / "steps_camera.h").exists()


@pytest.mark.parametrize(
    ("name", "file"), [("arduino", "classify.ino"), ("platformio", "main.cpp")]
)
def test_the_sketch_checks_itself_and_prints_what_its_sensor_gives(name, file, steps, tmp_path):
    library = steps.folder / name / "steps"
    objects, _ = built(name, library)
    example = library / "examples" / "classify" / file
    without = example.read_text()
    assert NO_SENSOR in without
    steps.moments.astype("<f4").tofile(tmp_path / "moments.raw")
    try:
        example.write_text(without.replace(NO_SENSOR, SENSOR))
        program = sketch(library, file, objects, tmp_path)
    finally:
        example.write_text(without)
    done = subprocess.run(
        [program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    checked, first, *others = done.stdout.splitlines()
    assert checked == "logits that differ: 0"
    assert first == f"{steps.said}, 1.500 ms, moments lost: 0"
    assert len(others) == WINDOWS - 1


def test_a_sketch_without_a_sensor_says_so_and_still_checks_itself(steps, tmp_path):
    library = steps.folder / "arduino" / "steps"
    objects, _ = built("arduino", library)
    program = sketch(library, "classify.ino", objects, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60)
    checked, missing = done.stdout.splitlines()
    assert checked.endswith(" 0") and "start_sensor() of this sketch" in missing


def test_on_a_computer_the_example_reads_a_csv_and_leaves_out_what_is_no_moment(steps):
    (made_by_cmake,), _ = built("cmake", steps.folder / "cmake" / "steps")
    rows = [", ".join(f"{value:.9g}" for value in moment) for moment in steps.moments]
    # a header, an empty line, a gap, a column more, and a line that is longer than a moment may be
    odd = ["ax,pressure,az", "", "1,,3", "1,2,3,4", "9" * 500 + ",1,2,3"]
    done = subprocess.run(
        [made_by_cmake.with_name("steps_example")],
        input="\r\n".join([*odd, *rows]),
        capture_output=True,
        text=True,
        check=True,
    )
    checked, first, *others = done.stdout.splitlines()
    assert checked == "logits that differ: 0" and first == steps.said
    assert len(others) == WINDOWS - 1


def test_the_words_of_a_library_are_those_of_a_sensor_and_nothing_is_left_open(steps):
    root = steps.folder / "arduino" / "steps"
    assert "A signal classifier of 3 classes" in (root / "library.properties").read_text()
    readme = (root / "README.md").read_text()
    assert "A moment is 3 floats" in readme and "rgb565" not in readme
    for file in steps.folder.rglob("*"):
        if file.is_file() and file.suffix not in (".zip", ".pack"):
            text = file.read_text()
            assert "@PREFIX@" not in text and "@UPPER@" not in text and "lmanet_moments" not in text
