"""Deliveries: each built as its tool builds it, as far as that can be had here, and two networks of
two prefixes in one program of C++.

tests/shared/deliveries.py builds them.
"""

import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from deliveries import BUILDERS, CPP, C, built, sketch

from lmanet.board import load_target
from lmanet.board.cores import cores
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.write import packages
from lmanet.deploy.write.firmware import Example, check
from lmanet.deploy.write.packages import DELIVERIES, Library, Packaging, write_packages
from lmanet.deploy.write.packages.library import prefixed
from lmanet.deploy.write.program import write_program
from lmanet.errors import ConfigError
from lmanet.network import parse_architecture
from lmanet.network.graph import operators
from lmanet.run.results import FirmwareThresholds
from lmanet.tool import run_tool

pytestmark = pytest.mark.slow  # compiles

PREFIXES = ("digits", "photos")
NETWORK = {
    "resolution": 9,
    "stages": [
        {"block": "depthwise", "channels": 4, "kernel": 3, "stride": 2, "expansion": 2}
        | {"se_ratio": 0.5, "skip": False, "activation": "swish", "layers": 1}
    ],
}
# Names of classes that begin like ours in C, or end a comment.
NAMES = ("lm_conv", "a lmanet_input b", "LMANET_X", "*/ int x; /*", 'a "quoted" lm_x')
# Compares what both networks make of their images with what they should; prints the classes.
BOTH_CPP = """#include <digits.h>
#include <photos.h>
#include "digits_check.h"
#include "photos_check.h"
#include <cstdio>
#define RUN(p, P)                                                                         \\
    for (int i = 0; i < P##_INPUT_BYTES; i++) p##_input()[i] = p##_check_image[i];        \\
    p##_run();                                                                            \\
    for (int i = 0; i < P##_OUTPUT_BYTES; i++) different += p##_output()[i] != p##_check_logits[i]; \\
    std::printf("%s %.3f\\n", p##_classes[p##_best()], (double)p##_probability(p##_best()));
int main() {
    int different = 0;
    RUN(digits, DIGITS)
    RUN(photos, PHOTOS)
    auto *volatile camera = &digits_input_from_rgb565;
    return different + (camera == nullptr);
}
"""


@pytest.fixture(scope="module")
def delivered(integer_graph, tmp_path_factory):
    """Two networks, each in all deliveries: prefix -> its folder, image, logits and library."""
    found = {}
    for seed, prefix in enumerate(PREFIXES):
        folder = tmp_path_factory.mktemp(prefix)
        graph = integer_graph(operators(parse_architecture(NETWORK), len(NAMES)), seed)
        plan = write_program(replace(graph, labels=NAMES), folder / "c")
        image = np.random.default_rng(seed).integers(-128, 128, (9, 9, 3)).astype(np.int8)
        host = toolchain_named("zig").compile_host_network(folder / "c", folder / "host.so")
        logits = HostNetwork(host).run(image[None])[0]
        scale = graph.scales[graph.operators[-1].name].scale
        text = check(Example(image, logits))
        library = Library(
            *(prefix, folder / "c", text, len(NAMES), plan.arena_bytes, scale, (3, 9, 9)),
            url="https://a.org/lmanet/",
        )
        write_packages(library, tuple(DELIVERIES), folder / "packages")
        real = scale * logits.astype(float)
        shares = np.exp(real - real.max()) / np.exp(real - real.max()).sum()
        found[prefix] = SimpleNamespace(
            folder=folder / "packages", best=int(logits.argmax()), share=shares.max(), check=text
        )
    assert found["digits"].check != found["photos"].check
    return found


def test_each_delivery_is_one_file_and_has_a_builder_here():
    folder = Path(packages.__file__).parent
    shared = {"__init__", "library", "senses", "zipped"}
    assert {path.stem for path in folder.glob("*.py")} - shared == set(DELIVERIES) == set(BUILDERS)


@pytest.mark.parametrize("name", DELIVERIES)
def test_two_networks_of_two_prefixes_run_in_one_program_of_cpp(name, delivered, tmp_path):
    objects, includes = [], []
    for prefix, network in delivered.items():
        made, include = built(name, network.folder / name / prefix)
        objects += made
        includes.append(f"-I{include}")
        text = prefixed(network.check, prefix)
        (tmp_path / f"{prefix}_check.h").write_text(text)
    (tmp_path / "main.cpp").write_text(BOTH_CPP)
    subprocess.run(
        ["g++", *CPP, *includes, "main.cpp", *map(str, objects), "-lm", "-o", "program"],
        cwd=tmp_path,
        check=True,
    )
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    said = [f"{NAMES[each.best]} {each.share:.3f}" for each in delivered.values()]
    assert done.stdout.splitlines() == said


BY_THRESHOLDS_CPP = """#include <digits.h>
#include <photos.h>
#include <cstdio>
int main() {
    digits_run();
    photos_run();
    std::printf("%d %d\\n", digits_class(), photos_class() == PHOTOS_UNSURE);
}
"""


@pytest.fixture(scope="module")
def choosing(integer_graph, tmp_path_factory):
    """Two networks that choose by thresholds: one always says its last class, the other nothing."""
    found = {}
    last = len(NAMES) - 1
    for prefix, added, lead in (("digits", 512, 0), ("photos", 0, 512)):
        folder = tmp_path_factory.mktemp(f"{prefix}_chooses")
        graph = integer_graph(operators(parse_architecture(NETWORK), len(NAMES)))
        fitted = FirmwareThresholds(
            added=(0,) * last + (added,), least_lead=(lead,) * (last + 1), step=0.1, val_images=9
        )
        plan = write_program(replace(graph, labels=NAMES, thresholds=fitted), folder / "c")
        example = check(Example(np.zeros((9, 9, 3), np.int8), np.zeros(last + 1, np.int8)))
        library = Library(
            *(prefix, folder / "c", example, last + 1, plan.arena_bytes, 0.1, (3, 9, 9)),
            by_thresholds=True,
        )
        write_packages(library, ("arduino", "cmake"), folder / "packages")
        found[prefix] = folder / "packages"
    return found


def test_two_networks_that_choose_by_thresholds_link_into_one_program(choosing, tmp_path):
    objects, includes = [], []
    for prefix, folder in choosing.items():
        made, include = built("arduino", folder / "arduino" / prefix)
        objects += made
        includes.append(f"-I{include}")
    (tmp_path / "main.cpp").write_text(BY_THRESHOLDS_CPP)
    command = ["g++", *CPP, *includes, "main.cpp", *map(str, objects), "-lm", "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(NAMES) - 1} 1\n"


@pytest.mark.parametrize(("prefix", "said"), [("digits", NAMES[-1]), ("photos", "unsure")])
def test_the_example_says_the_class_by_its_threshold_or_unsure(prefix, said, choosing, tmp_path):
    library = choosing[prefix] / "arduino" / prefix
    objects, _ = built("arduino", library)
    program = sketch(library, "classify.ino", objects, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith(f"{said}, probability ")
    page = (library / "README.md").read_text()
    assert f"int best = {prefix}_class();" in page and f"{prefix.upper()}_UNSURE" in page
    main = (choosing[prefix] / "cmake" / prefix / "examples/classify/main.c").read_text()
    assert f"const int best = {prefix}_class();" in main and 'best < 0 ? "unsure"' in main


def symbols(objects, kind):
    """Names that objects define (``--defined-only``) or want (``--undefined-only``)."""
    done = subprocess.run(
        ["nm", "-g", kind, *map(str, objects)], capture_output=True, text=True, check=True
    )
    return {line.split()[-1] for line in done.stdout.splitlines() if " " in line}


def test_all_names_begin_with_the_prefix_and_no_heap_is_used(delivered):
    library = delivered["digits"].folder / "arduino" / "digits"
    objects, _ = built("arduino", library)
    defined = symbols(objects, "--defined-only")
    assert "digits_run" in defined and all(name.startswith("digits_") for name in defined)
    wanted = symbols(objects, "--undefined-only") - defined
    assert wanted <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


def test_names_of_classes_stay_as_they_are_and_stand_in_the_header(delivered):
    source = delivered["digits"].folder / "arduino" / "digits" / "src"
    for text in ((source / f"digits_network.{end}").read_text() for end in "ch"):
        assert '"lm_conv"' in text and '"a lmanet_input b"' in text
    assert "lmanet_input(" not in (source / "digits_network.h").read_text()


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("core", [core.name for core in cores().values() if core.emulators])
def test_a_library_compiles_without_a_warning_for_each_core(core, toolchain, delivered, tmp_path):
    source = delivered["digits"].folder / "esp_idf" / "digits" / "src"
    try:
        made = toolchain_named(toolchain)
        command = [*made.compiler(core), *made.core_flags(core), *made.flags, *C]
    except ConfigError as missing:
        pytest.skip(str(missing))
    for path in (source / "digits_network.c", source / "digits_camera.c"):
        run_tool([*command, str(path), "-o", str(tmp_path / f"{path.stem}.o")], tmp_path)


@pytest.mark.parametrize(
    ("name", "file"), [("arduino", "classify.ino"), ("platformio", "main.cpp")]
)
def test_the_sketch_prints_class_probability_and_milliseconds(name, file, delivered, tmp_path):
    network = delivered["digits"]
    library = network.folder / name / "digits"
    objects, _ = built(name, library)
    program = sketch(library, file, objects, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    line = f"{NAMES[network.best]}, probability {network.share:.3f}, 1.500 ms, logits that differ"
    first, second = done.stdout.splitlines()
    assert first == second == f"{line} from those of the emulated core: 0"


PICO_SDK = """cmake_minimum_required(VERSION 3.20)
project(app C)
function(pico_enable_stdio_usb program on)
endfunction()
function(pico_add_extra_outputs program)
endfunction()
add_library(pico_stdlib INTERFACE)
target_link_libraries(pico_stdlib INTERFACE m)
add_executable(app {main})
"""


def test_the_lines_for_the_pico_sdk_make_a_program(delivered, tmp_path):
    """Against a stand-in of what they call."""
    if not shutil.which("cmake"):
        pytest.skip("cmake is not here")
    page = (Path(__file__).parents[3] / "docs/how-to/flash-a-board.md").read_text()
    (lines,) = re.findall(r"```cmake\n(.*?)```", page, re.DOTALL)
    network = delivered["digits"]
    library = network.folder / "cmake" / "digits"
    lines = lines.replace("packages/cmake/lmanet", f"{library} {tmp_path}/library")
    text = PICO_SDK.format(main=library / "examples/classify/main.c")
    (tmp_path / "CMakeLists.txt").write_text(text + lines.replace("lmanet ", "digits "))
    for command in (["cmake", "-B", "build"], ["cmake", "--build", "build"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([tmp_path / "build/app"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{NAMES[network.best]}, probability {network.share:.3f}")


def test_nothing_is_left_open_and_a_zip_is_the_same_for_the_same_network(delivered):
    for network in delivered.values():
        for file in network.folder.rglob("*"):
            if file.is_file() and file.suffix not in (".zip", ".pack"):
                assert not re.search(r"@[A-Z_]+@", file.read_text()), file
    (made,) = (delivered["digits"].folder / "arduino").glob("*.zip")
    with zipfile.ZipFile(made) as content:
        assert {info.date_time for info in content.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(name.startswith("digits/") for name in content.namelist())


# Rules of arduino-lint (library, mode strict) that can be checked without it. Not checked: those of
# Library Manager's index (LP016 to LP018), links that must answer (LP041), and spelling.
ARDUINO_LINT = {
    "LS001, LP001: it has library.properties": lambda at: (
        at.root / "library.properties"
    ).is_file(),
    "LS002: a folder's name has at most 63 characters": lambda at: len(at.root.name) <= 63,
    "LS003: which are letters, digits, _ . -": lambda at: re.fullmatch(r"[\w.-]+", at.root.name),
    "LS005: no symbolic link": lambda at: not any(each.is_symlink() for each in at.files),
    "LS006, LS007: no .development, no .exe": lambda at: (
        not any(each.suffix in (".development", ".exe") for each in at.files)
    ),
    "LS008: a header is named after the library": lambda at: (
        at.root / "src" / f"{at.said['name']}.h"
    ).is_file(),
    "LS009, LS010: src, and no utility": lambda at: (
        (at.root / "src").is_dir() and not (at.root / "src" / "utility").exists()
    ),
    "name: legal, at most 63, no Arduino": lambda at: (
        re.fullmatch(r"[a-zA-Z0-9][\w .-]{0,62}", at.said["name"])
        and "arduino" not in at.said["name"].lower()
    ),
    "version: semantic": lambda at: re.fullmatch(r"\d+\.\d+\.\d+", at.said["version"]),
    "author, maintainer, sentence, paragraph: there": lambda at: all(
        at.said[key] for key in ("author", "maintainer", "sentence", "paragraph")
    ),
    "category: legal": lambda at: at.said["category"] == "Data Processing",
    "url: one": lambda at: re.fullmatch(r"https?://\S+/\S*", at.said["url"]),
    "architectures: there": lambda at: at.said["architectures"] == "*",
    "includes: headers that are there": lambda at: all(
        (at.root / "src" / name).is_file() for name in at.said["includes"].split(",")
    ),
    "LD: README and licence": lambda at: (
        (at.root / "README.md").is_file() and (at.root / "LICENSE.txt").is_file()
    ),
    "sketches: in examples, a folder has its sketch's name": lambda at: all(
        each.stem == each.parent.name and each.relative_to(at.root).parts[0] == "examples"
        for each in at.files
        if each.suffix == ".ino"
    ),
    "LC001, SC001: Arduino.h with a capital letter": lambda at: (
        not any("<arduino.h>" in each.read_text() for each in at.files if each.suffix == ".ino")
    ),
}


@pytest.mark.parametrize("rule", ARDUINO_LINT)
def test_an_arduino_library_keeps_the_rules_of_arduino_lint(rule, delivered):
    root = delivered["digits"].folder / "arduino" / "digits"
    lines = (root / "library.properties").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines)
    assert ARDUINO_LINT[rule](SimpleNamespace(root=root, said=said, files=[*root.rglob("*")]))


# Rules of packchk that can be checked without it. Not checked: the XML schema, and links (M345).
PACKCHK = {
    "M206: one description": lambda at: len([*at.root.glob("*.pdsc")]) == 1,
    "M207, M310: named after vendor and package": lambda at: (
        at.path.name == f"{at.text('vendor')}.{at.text('name')}.pdsc"
    ),
    "M302, M303, M306: vendor, name, description": lambda at: all(
        map(at.text, ("vendor", "name", "description"))
    ),
    "M304, M316: a link that ends with a slash": lambda at: at.text("url").endswith("/"),
    "M305, M328, M329: releases with version and text": lambda at: all(
        re.fullmatch(r"\d+\.\d+\.\d+", each.get("version")) and each.text
        for each in at.tree.findall("releases/release")
    ),
    "M314, M326, M327: paths without spaces, drives, backslashes": lambda at: all(
        re.fullmatch(r"[\w./-]+", name) and not name.startswith("/") for name in at.named
    ),
    "M323: each file is there": lambda at: all((at.root / name).exists() for name in at.named),
    "M331, M332, M333: each condition is used, each used one known": lambda at: (
        {each.get("id") for each in at.tree.findall("conditions/condition")}
        == {each.get("condition") for each in at.tree.findall("components/component")}
    ),
    "M337: categories have their extensions": lambda at: all(
        each.get("name").endswith({"sourceC": ".c", "header": ".h"}.get(each.get("category"), ""))
        for each in at.tree.findall(".//file")
    ),
    "M339, M340: an include path is a folder and ends with a slash": lambda at: all(
        each.get("name").endswith("/") and (at.root / each.get("name")).is_dir()
        for each in at.tree.findall(".//file[@category='include']")
    ),
    "every file of C is listed": lambda at: (
        {f"src/{each.name}" for each in (at.root / "src").iterdir()} <= set(at.named)
    ),
}


@pytest.mark.parametrize("rule", PACKCHK)
def test_a_pack_keeps_the_rules_of_packchk(rule, delivered, tmp_path):
    (pack,) = (delivered["digits"].folder / "cmsis_pack").glob("lmanet.digits.*.pack")
    zipfile.ZipFile(pack).extractall(tmp_path)
    (path,) = tmp_path.glob("*.pdsc")
    tree = xml.parse(path).getroot()
    named = [each.get("name") for each in tree.findall(".//file")]
    at = SimpleNamespace(root=tmp_path, path=path, tree=tree, text=tree.findtext, named=named)
    assert PACKCHK[rule](at)


@pytest.mark.parametrize("prefix", ["", "Digits", "9lives", "a-b", "a" * 32, "stdint", "math"])
def test_a_prefix_that_begins_no_name_of_c_is_refused(prefix, tmp_path):
    with pytest.raises(ConfigError, match=r"deploy\.prefix=.* lower-case letter"):
        Library(prefix, tmp_path, "", 2, 64, 0.1, (3, 9, 9))


def test_an_unknown_delivery_says_which_are_known():
    with pytest.raises(ConfigError, match=r"'keil', which is unknown; legal are arduino, cmake,"):
        Packaging(["keil"])


def test_each_boards_usual_tool_has_a_delivery():
    folder = Path(__file__).parents[3] / "conf" / "target"
    boards = [load_target(path) for path in folder.glob("*.yaml") if path.stem != "none"]
    wanted = {board.kit.package for board in boards if board.kit.package}
    assert wanted <= set(DELIVERIES)
    assert all(board.kit.package for board in boards if not board.kit.bare)
