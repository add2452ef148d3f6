"""Deliveries of a network that listens: the front end comes with it, and the example reads samples."""

import subprocess
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from deliveries import CPP, built, sketch

from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write.firmware import Example, check
from lmanet.deploy.write.packages import DELIVERIES, Library, Packaging, write_packages
from lmanet.deploy.write.packages.library import prefixed
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.sound import check_noise, sound_check, write_sound
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.graph import operators
from lmanet.sound import FrontEnd
from lmanet.sound.host import HostFrontEnd

pytestmark = pytest.mark.slow  # compiles
NAMES = ("lmanet_yes", "no", "silence")
FRONT_END = FrontEnd(clip_ms=120, hop_frames=1, smoothed_windows=2)
# Of the noise that is pushed, which is two clips: those that follow the first.
FIRST = FRONT_END.window_samples + (FRONT_END.frames - 1) * FRONT_END.step_samples
FOLLOWING = (2 * FRONT_END.clip_samples - FIRST) // FRONT_END.step_samples
STAGE = {
    **{"block": "conv", "channels": 8, "kernel": 3, "stride": 2, "expansion": 1},
    **{"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1},
}
# Two networks of two prefixes in one program: one hears the noise, the other has its image.
BOTH_CPP = """#include <words.h>
#include <digits.h>
#include "words_check.h"
#include "digits_check.h"
#include <cstdio>
int main() {
    int different = 0;
    uint32_t state = 1;
    for (int windows = 0; !windows;) {
        const int16_t sample = words_check_sample(&state);
        windows = words_push_samples(&sample, 1);
        digits_run(); // another network in between changes nothing
    }
    for (int i = 0; i < WORDS_OUTPUT_BYTES; i++) different += words_output()[i] != words_check_heard[i];
    for (int i = 0; i < DIGITS_INPUT_BYTES; i++) digits_input()[i] = digits_check_image[i];
    digits_run();
    for (int i = 0; i < DIGITS_OUTPUT_BYTES; i++) different += digits_output()[i] != digits_check_logits[i];
    std::printf("%s %.3f\\n", words_classes[words_best()], (double)words_probability(words_best()));
    return different;
}
"""


def _architecture(**shape):
    return Architecture(input_channels=1, stages=[STAGE], **shape)


def _graph(integer_graph, **shape):
    made = integer_graph(operators(_architecture(**shape), len(NAMES)), 3)
    return replace(made, labels=NAMES, mean=(0.4,), std=(0.2,))


def _host(folder):
    library = toolchain_named("zig").compile_host_network(folder / "c", folder / "host.so")
    return HostNetwork(library)


@pytest.fixture(scope="module")
def listening(integer_graph, tmp_path_factory):
    """A network that listens, in all deliveries."""
    folder = tmp_path_factory.mktemp("words")
    graph = _graph(integer_graph, resolution=FRONT_END.frames, width=FRONT_END.columns)
    plan = write_program(graph, folder / "c")
    host, scale = _host(folder), graph.scales[graph.operators[-1].name].scale
    write_sound(folder, folder / "c", FRONT_END, scale)
    noise = check_noise(2 * FRONT_END.clip_samples)
    clip = noise[None, : FRONT_END.clip_samples]
    logits = host.run_bytes(HostFrontEnd(FRONT_END).features(clip)[..., None])[0]
    shape = graph.operators[0].in_shape
    library = Library(
        *("words", folder / "c", sound_check(logits), len(NAMES), plan.arena_bytes, scale, shape),
        stream=FRONT_END,
    )
    write_packages(library, tuple(DELIVERIES), folder / "packages")
    real = scale * (logits - logits.max().astype(float))
    shares = np.exp(real) / np.exp(real).sum()
    said = f"{NAMES[logits.argmax()]}, probability {shares.max():.3f}"
    return SimpleNamespace(folder=folder / "packages", library=library, noise=noise, said=said)


@pytest.fixture(scope="module")
def digits(integer_graph, tmp_path_factory):
    """A network of images, as an Arduino library."""
    folder = tmp_path_factory.mktemp("digits")
    graph = _graph(integer_graph, resolution=9)
    plan = write_program(graph, folder / "c")
    image = np.random.default_rng(0).integers(-128, 128, (9, 9, 1)).astype(np.int8)
    text = check(Example(image, _host(folder).run(image[None])[0]))
    library = Library(
        "digits", folder / "c", text, len(NAMES), plan.arena_bytes, 0.1, graph.operators[0].in_shape
    )
    write_packages(library, ["arduino"], folder / "packages")
    made, include = built("arduino", folder / "packages" / "arduino" / "digits")
    return SimpleNamespace(objects=made, include=include, check=text)


@pytest.mark.parametrize("name", DELIVERIES)
def test_each_delivery_hears_and_another_network_is_in_the_same_program_of_cpp(
    name, listening, digits, tmp_path
):
    made, include = built(name, listening.folder / name / "words")
    for prefix, text in (("words", listening.library.check), ("digits", digits.check)):
        (tmp_path / f"{prefix}_check.h").write_text(prefixed(text, prefix))
    (tmp_path / "main.cpp").write_text(BOTH_CPP)
    objects = [str(each) for each in (*made, *digits.objects)]
    includes = [f"-I{include}", f"-I{digits.include}"]
    subprocess.run(
        ["g++", *CPP, *includes, "main.cpp", *objects, "-lm", "-o", "program"],
        cwd=tmp_path,
        check=True,
    )
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().replace(" ", ", probability ") == listening.said
    header = (include / "words_network.h").read_text()
    assert '"lmanet_yes"' in header and not (include / "words_camera.h").exists()


@pytest.mark.parametrize(
    ("name", "file"), [("arduino", "classify.ino"), ("platformio", "main.cpp")]
)
def test_the_sketch_checks_itself_and_prints_what_its_microphone_hears(
    name, file, listening, tmp_path
):
    library = listening.folder / name / "words"
    objects, _ = built(name, library)
    listening.noise.astype("<i2").tofile(tmp_path / "samples.raw")
    program = sketch(library, file, objects, tmp_path, "-DARDUINO_ARDUINO_NANO33BLE")
    done = subprocess.run(
        [program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    checked, first, *others = done.stdout.splitlines()
    assert checked == "logits that differ: 0"
    assert first == f"{listening.said}, 1.500 ms, samples lost: 0"
    assert len(others) == FOLLOWING


def test_a_sketch_without_a_microphone_says_so_and_still_checks_itself(listening, tmp_path):
    library = listening.folder / "arduino" / "words"
    objects, _ = built("arduino", library)
    program = sketch(library, "classify.ino", objects, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60)
    checked, missing = done.stdout.splitlines()
    assert checked.endswith(" 0") and "start_microphone() of this sketch" in missing


def test_on_a_computer_the_example_hears_its_standard_input(listening):
    (made,), _ = built("cmake", listening.folder / "cmake" / "words")
    done = subprocess.run(
        [made.with_name("words_example")],
        input=listening.noise.astype("<i2").tobytes(),
        capture_output=True,
        check=True,
    )
    checked, first, *others = done.stdout.decode().splitlines()
    assert (
        checked == "logits that differ: 0" and first == listening.said and len(others) == FOLLOWING
    )


def test_the_words_of_a_library_are_those_of_its_sense(listening, integer_graph, tmp_path):
    root = listening.folder / "arduino" / "words"
    assert "A sound classifier of 3 classes" in (root / "library.properties").read_text()
    readme = (root / "README.md").read_text()
    assert "16,000 samples a second" in readme and "rgb565" not in readme
    graph = _graph(integer_graph, resolution=1, width=30)
    write_program(graph, tmp_path / "c")
    library = Library("motion", tmp_path / "c", "", 3, 64, 0.1, graph.operators[0].in_shape)
    write_packages(library, ["platformio"], tmp_path)
    made = tmp_path / "platformio" / "motion"
    assert '"A signal classifier of 3 classes' in (made / "library.json").read_text()
    texts = [path.read_text() for path in made.rglob("*") if path.is_file()]
    assert not any("camera" in text or "rgb565" in text for text in texts)


def test_nothing_is_left_open_in_the_files_of_a_network_that_listens(listening):
    for file in listening.folder.rglob("*"):
        if file.is_file() and file.suffix not in (".zip", ".pack"):
            text = file.read_text()
            assert "@PREFIX@" not in text and "@UPPER@" not in text and "lmanet_sound" not in text


def test_without_an_address_a_pack_has_an_empty_one(listening):
    (description,) = (listening.folder / "cmsis_pack" / "words").glob("*.pdsc")
    assert "<url></url>" in description.read_text()


@pytest.mark.parametrize("url", ["my page", "ftp://a.org", "https://a.org/?a&b", "https://a\nb=c"])
def test_an_address_that_would_break_a_librarys_files_is_refused(url):
    with pytest.raises(ConfigError, match=r"deploy\.url=.* is no address"):
        Packaging(url=url)
